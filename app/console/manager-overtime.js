// An effect as it stood on each day, within its interval.

import { h, svg } from "./dom.js";
import { effectScale } from "./manager-effects.js";
import { Scale, asTable, axis, drawing, grid, levels } from "./manager-figures.js";
import { count, points } from "./manager-numbers.js";
import { table } from "./manager-table.js";

const HEIGHT = 170;
const LEAST_DAYS = 2; // a line has two ends
const ROWS = 12;

export function overTime(days, words) {
  if (days.length < LEAST_DAYS) return h("p", { class: "empty" }, words.say("manager.over-time.none"));
  const across = new Scale(0, days.at(-1).day);
  const scale = effectScale(days);
  const up = (value) => HEIGHT * (1 - scale.share(value) / 100);
  return h(
    "div",
    {},
    h("p", { class: "note" }, words.say("manager.over-time.told")),
    h(
      "div",
      { class: "chart" },
      levels(scale, up, HEIGHT, (value) => points(words, value)),
      curve(days, across, scale, up, words),
      axis(across, (day) => count(words, day), across.ticks(8)),
    ),
    h("p", { class: "note axis-title" }, words.say("manager.over-time.days")),
    asTable(words, daysTable(days, words)),
  );
}

function curve(days, across, scale, up, words) {
  const at = (day, value) => `${across.share(day).toFixed(2)} ${up(value).toFixed(2)}`;
  const band = [...days.map((day) => at(day.day, day.high)), ...days.toReversed().map((day) => at(day.day, day.low))];
  const line = days.map((day) => at(day.day, day.value));
  const last = days.at(-1);
  const told = words.say("manager.over-time.spoken", {
    day: count(words, last.day),
    value: points(words, last.value),
    low: points(words, last.low),
    high: points(words, last.high),
  });
  const stretched = { viewBox: `0 0 100 ${HEIGHT}`, preserveAspectRatio: "none", width: "100%", height: HEIGHT };
  return drawing(
    told,
    { class: "plot", height: HEIGHT },
    grid(scale, up),
    svg(
      "svg",
      stretched,
      svg("path", { class: "band", d: `M${band.join("L")}Z` }),
      svg("path", { class: "curve", d: `M${line.join("L")}` }),
    ),
  );
}

/** About a dozen of the days, the last one among them. */
function daysTable(days, words) {
  const step = Math.ceil(days.length / ROWS);
  const items = days.filter((_, at) => (days.length - 1 - at) % step === 0);
  const value = (name) => ({
    name,
    label: words.say(`manager.${name}`),
    kind: "number",
    cell: (day) => points(words, day[name]),
  });
  const columns = [
    { name: "day", label: words.say("manager.day"), cell: (day) => count(words, day.day) },
    value("value"),
    value("low"),
    value("high"),
  ];
  return table(words, { caption: words.say("manager.over-time"), columns, items });
}
