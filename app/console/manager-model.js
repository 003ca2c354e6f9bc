// The active models: how good each is, in words, and which was made the active one when.

import { h } from "./dom.js";
import { emptyBox, part } from "./manager-desk.js";
import { drift } from "./manager-drift.js";
import { Scale, inRow, interval, rule, tiles } from "./manager-figures.js";
import { count, decimal, percent } from "./manager-numbers.js";
import { everything } from "./manager-pages.js";
import { table } from "./manager-table.js";

const MOST_MODELS = 400;
// Where each measure lies, and the value at which a model knows nothing.
const MEASURES = [
  { name: "auroc", low: 0.5, high: 1, chance: () => 0.5 },
  { name: "top_decile_lift", low: 0, high: 10, chance: () => 1 },
  { name: "ece", low: 0, high: 0.1, chance: () => null },
  { name: "brier", low: 0, high: 0.25, chance: ({ base_rate: share }) => share * (1 - share) },
  { name: "pr_auc", low: 0, high: 1, chance: ({ base_rate: share }) => share },
];

export function model(desk) {
  const { words } = desk;
  const place = h("div", { class: "parts" });
  const load = async () => (await everything(desk.api, "v1/models", MOST_MODELS)).items.filter((item) => item.active);
  desk.fill(place, { load, draw: (items) => chosen(desk, items), lines: 20 });
  const history = {
    load: () => desk.api.get("v1/models/activations"),
    draw: (page) => activations(page.items, words),
    lines: 4,
  };
  return [place, part(desk, "activations", history)];
}

/** Of several active models one is shown at a time. */
function chosen(desk, items) {
  const { words } = desk;
  if (!items.length) return emptyBox(words, "no-model");
  const place = h("div", { class: "parts" });
  const show = (item) => place.replaceChildren(...shown(desk, item));
  show(items[0]);
  if (items.length === 1) return place;
  const choices = items.map((item, at) => {
    const input = h("input", {
      type: "radio",
      name: "model",
      value: item.role,
      checked: at === 0,
      onchange: () => show(item),
    });
    return h("label", {}, input, ` ${words.code("manager.kind", item.role)}`);
  });
  return [h("fieldset", { class: "choice" }, h("legend", {}, words.say("manager.active")), choices), place];
}

function shown(desk, { name, version }) {
  const path = `v1/models/${name}/versions/${version}`;
  return [
    part(desk, "card", { load: () => desk.api.get(path), draw: (answer) => card(answer, desk.words), lines: 12 }),
    drift(desk, path),
  ];
}

function card(answer, words) {
  const { manifest } = answer;
  const { metrics, training } = manifest;
  const note =
    manifest.label_note &&
    h("p", { class: "label-note" }, h("strong", {}, words.say("manager.label-note")), ` ${manifest.label_note}`);
  return [
    h(
      "p",
      { class: "made" },
      words.say("manager.card.told", {
        name: answer.name,
        version: answer.version,
        when: words.date(answer.trained_at),
        days: manifest.horizon_days,
      }),
    ),
    note,
    tiles([
      [
        words.say("manager.trained-on"),
        count(words, training.rows),
        words.say("manager.leavers-among", { count: count(words, training.positives) }),
      ],
      [words.say("manager.judged-on"), count(words, metrics.rows), words.say("manager.judged-on.note")],
      [words.say("manager.base-rate"), percent(words, metrics.base_rate)],
      [
        words.say("manager.bands"),
        words.say(
          "manager.bands.told",
          Object.fromEntries(Object.entries(manifest.bands).map(([band, from]) => [band, percent(words, from, 0)])),
        ),
        ["medium", "high", "critical"].map((band) => words.code("band", band)).join(" · "),
      ],
    ]),
    measures(metrics, words),
    dropped(training, words),
  ];
}

function measures(metrics, words) {
  const items = MEASURES.map((measure) => ({
    ...measure,
    value: metrics[measure.name],
    interval: metrics.intervals[measure.name],
  }));
  const columns = [
    { name: "measure", label: words.say("manager.measure"), cell: (item) => words.say(`manager.measure.${item.name}`) },
    {
      name: "value",
      label: words.say("manager.value"),
      kind: "number",
      cell: (item) => h("strong", {}, said(item, item.value, words)),
    },
    {
      name: "figure",
      label: words.say("manager.interval"),
      kind: "wide",
      cell: (item) => figure(item, metrics, words),
    },
    {
      name: "interval",
      label: words.say("manager.interval.95"),
      kind: "number",
      cell: (item) =>
        words.say("manager.range", {
          low: said(item, item.interval[0], words),
          high: said(item, item.interval[1], words),
        }),
    },
    {
      name: "meaning",
      label: words.say("manager.meaning"),
      kind: "text",
      cell: (item) => words.say(`manager.meaning.${item.name}`, places(item, metrics, words)),
    },
  ];
  return table(words, { caption: words.say("manager.measures"), columns, items });
}

function said(item, value, words) {
  if (item.name === "top_decile_lift") return `${decimal(words, value, 1)} ×`;
  return ["ece", "brier"].includes(item.name) ? decimal(words, value, 3) : decimal(words, value);
}

function places(item, metrics, words) {
  const chance = item.chance(metrics);
  const told = {
    auroc: words.percent(item.value),
    ece: decimal(words, 100 * item.value, 1),
    top_decile_lift: decimal(words, item.value, 1),
  };
  return {
    value: told[item.name] ?? decimal(words, item.value),
    chance: chance === null ? "" : decimal(words, chance),
  };
}

function figure(item, metrics, words) {
  const scale = new Scale(item.low, item.high);
  const chance = item.chance(metrics);
  const [low, high] = item.interval;
  const told = words.say("manager.within", {
    value: said(item, item.value, words),
    low: said(item, low, words),
    high: said(item, high, words),
  });
  return inRow(
    told,
    rule(scale, item.low, "end"),
    rule(scale, item.high, "end"),
    chance !== null && rule(scale, chance),
    interval(scale, { low, value: item.value, high }, "plain"),
  );
}

function dropped(training, words) {
  const names = Object.entries(training.dropped);
  if (!names.length) return null;
  const lines = names.map(([name, why]) => h("li", {}, h("strong", {}, words.code("feature", name)), ` ${why}`));
  return h(
    "details",
    {},
    h("summary", {}, words.say("manager.dropped", { count: count(words, names.length) })),
    h("ul", { class: "reasons" }, lines),
  );
}

function activations(items, words) {
  if (!items.length) return emptyBox(words, "no-activations");
  const named = (of) => (of ? `${of.name} ${of.version}` : words.say("manager.first-one"));
  const columns = [
    {
      name: "when",
      label: words.say("manager.when"),
      cell: (item) => [
        words.time(item.activated_at),
        h("span", { class: "note" }, ` ${words.distance(item.activated_at)}`),
      ],
    },
    { name: "kind", label: words.say("manager.for"), cell: (item) => words.code("manager.kind", item.churn_kind) },
    { name: "version", label: words.say("manager.version"), cell: (item) => named(item) },
    { name: "before", label: words.say("manager.before"), cell: (item) => named(item.previous) },
    { name: "by", label: words.say("manager.by"), cell: (item) => item.activated_by },
  ];
  return table(words, { caption: words.say("manager.activations"), columns, items });
}
