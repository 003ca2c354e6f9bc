// How far recent traffic has moved from what a model was made on, feature by feature.

import { h } from "./dom.js";
import { emptyBox, section } from "./manager-desk.js";
import { Scale, axis, bar, inRow, key, rule } from "./manager-figures.js";
import { UNKNOWN, count, decimal, percent } from "./manager-numbers.js";
import { table } from "./manager-table.js";

// The levels as the API names them begin here; it tells the level of each feature, and not these.
const MODERATE = 0.1;
const MAJOR = 0.25;
const TOP = 2 * MAJOR; // a bar that would be longer ends here: one that is far off must not flatten all others
const SPANS = [7, 14, 28];
const FIRST = 7;

export function drift(desk, path) {
  const { words } = desk;
  const body = h("div", { class: "body" });
  const options = SPANS.map((days) =>
    h("option", { value: days, selected: days === FIRST }, words.say("manager.days", { count: count(words, days) })),
  );
  const span = h("select", { onchange: () => show(span.value) }, options);
  const show = (days) =>
    desk.fill(body, {
      load: () => desk.api.get(`${path}/drift?days=${days}`),
      draw: (found) => drawn(found, words),
      lines: 14,
    });
  show(FIRST);
  return section(desk, "drift", h("label", { class: "toolbar" }, words.say("manager.span"), span), body);
}

function drawn(found, words) {
  if (!found.rows) return emptyBox(words, "no-traffic");
  const scale = new Scale(0, TOP);
  const items = [{ ...found.score, isScore: true }, ...found.features];
  const columns = [
    {
      name: "feature",
      label: words.say("manager.feature"),
      cell: (item) =>
        item.isScore ? h("strong", {}, words.say("manager.drift.score")) : words.code("feature", item.name),
    },
    {
      name: "figure",
      label: words.say("manager.drift.index"),
      kind: "wide",
      head: axis(scale, (value) => decimal(words, value), [0, MODERATE, MAJOR, TOP]),
      cell: (item) => figure(item, scale, words),
    },
    {
      name: "psi",
      label: words.say("manager.value"),
      kind: "number",
      cell: (item) => (item.psi === null ? UNKNOWN : decimal(words, item.psi, 3)),
    },
    {
      name: "level",
      label: words.say("manager.level"),
      cell: (item) => h("span", { class: `tag ${item.level}` }, words.code("manager.level", item.level)),
    },
    { name: "missing", label: words.say("manager.missing"), kind: "number", cell: (item) => missing(item, words) },
  ];
  const legend = key([
    ["stable", words.say("manager.level.stable")],
    ["moderate", words.say("manager.level.moderate")],
    ["major", words.say("manager.level.major")],
    ["not_enough_data", words.say("manager.level.not_enough_data")],
  ]);
  return [
    h(
      "p",
      { class: "made" },
      words.say("manager.drift.told", { count: count(words, found.rows), since: words.date(found.since) }),
    ),
    legend,
    table(words, { caption: words.say("manager.drift"), columns, items }),
  ];
}

function figure(item, scale, words) {
  if (item.psi === null) return UNKNOWN;
  const told = `${decimal(words, item.psi, 3)}, ${words.code("manager.level", item.level)}`;
  return inRow(told, bar(scale, 0, item.psi, item.level), rule(scale, MODERATE, "limit"), rule(scale, MAJOR, "limit"));
}

/** Gaps now, and at the time the model was made. */
function missing(item, words) {
  if (item.isScore || item.missing_share === null) return UNKNOWN;
  return words.say("manager.missing.told", {
    now: percent(words, item.missing_share),
    then: percent(words, item.reference_missing_share),
  });
}
