// What the catalogue's actions trade: churn prevented, what they cost, what they do to the bill.

import { h, svg } from "./dom.js";
import { emptyBox, part } from "./manager-desk.js";
import { Scale, axis, drawing, grid, key, levels } from "./manager-figures.js";
import { count, decimal, percent } from "./manager-numbers.js";
import { everything } from "./manager-pages.js";
import { shortened, table } from "./manager-table.js";

const MOST = 500;
const HEIGHT = 220;

export function tradeOff(desk) {
  const load = async () => weighed((await everything(desk.api, "v1/actions", MOST)).items);
  return part(desk, "trade-off", { load, draw: (items) => drawn(items, desk.words), lines: 12 });
}

/** Each action by its three sides, the best ones first; on the frontier is what no other one beats on all three. */
function weighed(actions) {
  const items = actions
    .filter((action) => action.kind !== "nothing")
    .map((action) => ({
      name: action.name,
      kept: action.effect_prior.mean,
      cost: Number(action.contact_cost) + action.p_accept * Number(action.accept_cost),
      bill: action.p_accept * Number(action.monthly_arpu_effect),
    }));
  const isBeaten = (item) => items.some((other) => beats(other, item));
  const known = items.map((item) => ({ ...item, isBest: !isBeaten(item) }));
  const ranked = known.toSorted((one, other) => other.isBest - one.isBest || other.kept - one.kept);
  return ranked.map((item, at) => ({ ...item, number: at + 1 }));
}

function beats(one, other) {
  const sides = [one.kept - other.kept, other.cost - one.cost, one.bill - other.bill];
  return sides.every((side) => side >= 0) && sides.some((side) => side > 0);
}

function drawn(items, words) {
  if (!items.length) return emptyBox(words, "no-actions");
  const told = h(
    "p",
    { class: "made" },
    words.say("manager.trade-off.told", { count: count(words, items.filter((item) => item.isBest).length) }),
  );
  const legend = key([
    ["best", words.say("manager.frontier")],
    ["beaten", words.say("manager.beaten")],
  ]);
  return [told, h("div", { class: "side-by-side" }, h("div", {}, legend, scatter(items, words)), listed(items, words))];
}

function scatter(items, words) {
  const across = new Scale(0, Math.max(...items.map((item) => item.cost)));
  const kept = items.map((item) => item.kept);
  const upwards = new Scale(Math.min(0, ...kept), Math.max(...kept, 0.01));
  const up = (value) => HEIGHT * (1 - upwards.share(value) / 100);
  const marks = items.toReversed().flatMap((item) => mark(item, across, up));
  return h(
    "div",
    { class: "scatter" },
    h("p", { class: "note" }, words.say("manager.kept-axis")),
    h(
      "div",
      { class: "chart" },
      levels(upwards, up, HEIGHT, (value) => percent(words, value, 0)),
      drawing(spoken(items, words), { class: "plot", height: HEIGHT }, grid(upwards, up), marks),
      axis(across, (value) => count(words, value)),
    ),
    h("p", { class: "note axis-title" }, words.say("manager.cost-axis")),
  );
}

function mark(item, across, up) {
  const place = { cx: across.at(item.cost), cy: up(item.kept) };
  if (!item.isBest) return svg("circle", { class: "mark beaten", ...place, r: 4 });
  const number = svg(
    "text",
    { class: "in-mark", x: place.cx, y: place.cy + 3.5, "text-anchor": "middle" },
    item.number,
  );
  return [svg("circle", { class: "mark best", ...place, r: 8 }), number];
}

function spoken(items, words) {
  const best = items.filter((item) => item.isBest).map((item) => item.name);
  return words.say("manager.trade-off.spoken", { names: best.join(", ") });
}

function listed(items, words) {
  const order = { name: null, direction: 1 };
  const columns = [
    {
      name: "name",
      label: words.say("manager.action"),
      kind: "text",
      cell: (item) => [
        h("span", { class: item.isBest ? "number-of best" : "number-of" }, item.number),
        ` ${item.name}`,
      ],
      value: (item) => item.number,
    },
    {
      name: "kept",
      label: words.say("manager.kept-churners"),
      kind: "number",
      cell: (item) => percent(words, item.kept),
      value: (item) => -item.kept,
    },
    {
      name: "cost",
      label: words.say("manager.cost-each"),
      kind: "number",
      cell: (item) => decimal(words, item.cost),
      value: (item) => item.cost,
    },
    {
      name: "bill",
      label: words.say("manager.bill"),
      kind: "number",
      cell: (item) => words.change(item.bill),
      value: (item) => -item.bill,
    },
    {
      name: "best",
      label: words.say("manager.frontier"),
      cell: (item) => (item.isBest ? words.say("value.yes") : words.say("value.no")),
      value: (item) => item.number,
    },
  ];
  const shown = items.filter((item) => item.isBest).length;
  const draw = (those) => table(words, { caption: words.say("manager.trade-off"), columns, items: those, order });
  return shortened(words, items, draw, shown);
}
