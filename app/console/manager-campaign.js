// One campaign: whether its effect is claimed and why, how it grew, whom it helped, and what it cost.

import { h } from "./dom.js";
import { effectFigure, effectHead, effectKey, effectScale, effectWords, roi, verdictTag } from "./manager-effects.js";
import { part, section } from "./manager-desk.js";
import { tiles } from "./manager-figures.js";
import { UNKNOWN, amount, count, percent, points } from "./manager-numbers.js";
import { overTime } from "./manager-overtime.js";
import { table } from "./manager-table.js";

const HOLDOUT = "holdout";

export function campaign(desk, id) {
  const { words } = desk;
  const path = `v1/campaigns/${encodeURIComponent(id)}`;
  const load = async () => {
    const [about, found] = await Promise.all([desk.api.get(path), desk.api.get(`${path}/evaluation`)]);
    return { about, found };
  };
  const back = h("a", { class: "back", href: "#campaigns" }, words.say("manager.back"));
  return h(
    "div",
    { class: "parts" },
    back,
    part(desk, "evaluation", { load, draw: (answer) => evaluation(desk, answer), lines: 20 }),
  );
}

function evaluation(desk, { about, found }) {
  const { words } = desk;
  const scale = effectScale([...found.arms, ...found.segments].flatMap((item) => item.prevented ?? []));
  return [
    head(about, found, words),
    block(desk, "over-time", overTime(found.over_time, words)),
    h(
      "div",
      { class: "side-by-side" },
      block(desk, "arms", arms(found, scale, words)),
      block(desk, "segments", segments(found, scale, words)),
    ),
    h(
      "div",
      { class: "side-by-side" },
      block(desk, "taking-part", takingPart(found, words)),
      block(desk, "afterwards", afterwards(found, words)),
    ),
  ];
}

function block(desk, name, ...nodes) {
  const { words } = desk;
  return h(
    "section",
    { class: `block ${name}`, "aria-labelledby": `block-${name}` },
    h("h3", { id: `block-${name}` }, words.say(`manager.${name}`)),
    ...nodes,
  );
}

function head(about, found, words) {
  const { effect, verdict } = found;
  const places = {
    worthwhile: points(words, found.worthwhile),
    low: effect && points(words, effect.low),
    high: effect && points(words, effect.high),
  };
  const because = words.say(effect ? `manager.because.${verdict}` : "manager.because.nobody", places);
  const dates = words.say("manager.from-to", { from: words.date(about.starts_on), to: words.date(about.ends_on) });
  return h(
    "div",
    {},
    h("h3", { class: "campaign-name" }, about.name),
    h(
      "p",
      { class: "made" },
      `${words.code("manager.state", about.state)} · ${dates} · ${about.owner} · ${about.goal}`,
    ),
    h("p", { class: "because" }, verdictTag(verdict, words), " ", because),
    tiles([
      [
        words.say("manager.effect"),
        effect ? points(words, effect.value) : UNKNOWN,
        effect && words.say("manager.range", { low: points(words, effect.low), high: points(words, effect.high) }),
      ],
      [
        words.say("manager.members"),
        count(words, about.enrolled),
        words.say("manager.held-out", { share: percent(words, about.holdout_share, 0) }),
      ],
      [words.say("manager.cost"), amount(words, found.roi.cost_in)],
      [
        words.say("manager.value-out"),
        amount(words, found.roi.value_out),
        words.say("manager.range", {
          low: amount(words, found.roi.value_low),
          high: amount(words, found.roi.value_high),
        }),
      ],
      [words.say("manager.roi"), roi(found.roi, words)],
    ]),
  );
}

function arms(found, scale, words) {
  const columns = [
    {
      name: "arm",
      label: words.say("manager.arm"),
      cell: (item) => (item.arm === HOLDOUT ? words.say("manager.arm.holdout") : words.code("action", item.arm)),
    },
    {
      name: "figure",
      label: words.say("manager.effect"),
      kind: "wide",
      head: effectHead(scale, words),
      cell: (item) =>
        item.arm === HOLDOUT ? "" : effectFigure(item.prevented, verdictOf(item.prevented), scale, words),
    },
    {
      name: "effect",
      label: words.say("manager.effect.points"),
      kind: "number",
      cell: (item) => effectWords(item.prevented, words),
    },
    {
      name: "members",
      label: words.say("manager.members"),
      kind: "number",
      cell: (item) => count(words, item.members),
    },
    { name: "rate", label: words.say("manager.left"), kind: "number", cell: (item) => percent(words, item.rate) },
  ];
  return [effectKey(words), table(words, { caption: words.say("manager.arms"), columns, items: found.arms })];
}

/** How an arm or a segment is drawn; only a whole interval on one side of 0 has a colour. */
function verdictOf(effect) {
  if (effect?.low > 0) return "works";
  return effect?.high < 0 ? "does_not" : "not_enough_data";
}

function segments(found, scale, words) {
  if (!found.segments.length) return h("p", { class: "empty" }, words.say("manager.segments.none"));
  const columns = [
    {
      name: "value",
      label: words.say("manager.among"),
      cell: (item) => [words.say(`manager.${item.attribute}`), ": ", segment(item, words)],
    },
    {
      name: "figure",
      label: words.say("manager.effect"),
      kind: "wide",
      head: effectHead(scale, words),
      cell: (item) => effectFigure(item.prevented, verdictOf(item.prevented), scale, words),
    },
    {
      name: "effect",
      label: words.say("manager.effect.points"),
      kind: "number",
      cell: (item) => effectWords(item.prevented, words),
    },
    {
      name: "members",
      label: words.say("manager.treated-held"),
      kind: "number",
      cell: (item) => `${count(words, item.treated)} / ${count(words, item.holdout)}`,
    },
  ];
  return [
    h("p", { class: "note" }, words.say("manager.segments.hint")),
    table(words, { caption: words.say("manager.segments"), columns, items: found.segments }),
  ];
}

function segment({ attribute, value }, words) {
  return attribute === "value_tier" ? words.code("tier", value) : value;
}

function takingPart({ participation, proactive_share: proactive }, words) {
  const share = (value) => (value === null ? UNKNOWN : percent(words, value, 0));
  const counted = ["treated", "offered", "answered", "accepted", "declined"].map((name) => [
    words.say(`manager.part.${name}`),
    count(words, participation[name]),
  ]);
  const shares = [
    [words.say("manager.part.satisfied"), share(participation.satisfied)],
    [words.say("manager.part.proactive"), share(proactive)],
  ];
  const warning =
    participation.draws_but_does_not_sell && h("p", { class: "warning" }, words.say("manager.part.few-buy"));
  return [facts([...counted, ...shares]), warning];
}

function afterwards(found, words) {
  const readings = found.satisfaction.map((month) => [
    words.say("manager.from-to", { from: words.date(month.since), to: words.date(month.until) }),
    reading(month, words),
  ]);
  const saves = found.save_rates.map((save) => {
    const counts = `(${count(words, save.retained)} / ${count(words, save.retained + save.churned)})`;
    const name = words.say("manager.saved", { reason: words.code("need", save.reason) });
    return [name, `${percent(words, save.save_rate, 0)} ${counts}`];
  });
  return facts([...readings, ...saves]);
}

function reading(month, words) {
  if (month.state !== "measured") return words.say(`manager.reading.${month.state}`);
  const share = (value) => (value === null ? UNKNOWN : percent(words, value, 0));
  const places = { treated: share(month.treated), holdout: share(month.holdout), count: count(words, month.answers) };
  return words.say("manager.reading", places);
}

function facts(entries) {
  return h(
    "dl",
    { class: "facts" },
    entries.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}
