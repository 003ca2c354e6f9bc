// Figures. Places along a drawing are shares of its width, so that it fits any room and its letters stay as they are.

import { h, svg } from "./dom.js";

const ROW = 20;
const MIDDLE = ROW / 2;
const EDGE = 4; // percent of the width kept free at either end, so that no mark or number is cut off

/** Where the values `low` … `high` stand, in percent of the width. */
export class Scale {
  constructor(low, high) {
    this.low = low;
    this.high = high > low ? high : low + 1;
  }

  share(value) {
    const within = Math.min(Math.max(value, this.low), this.high);
    return EDGE + ((within - this.low) / (this.high - this.low)) * (100 - 2 * EDGE);
  }

  at(value) {
    return `${this.share(value).toFixed(2)}%`;
  }

  between(from, to) {
    return `${(this.share(to) - this.share(from)).toFixed(2)}%`;
  }

  /** Round values on the scale: multiples of 1, 2 or 5 times a power of ten. */
  ticks(about = 4) {
    const rough = (this.high - this.low) / about;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((multiple) => multiple * power).find((size) => size >= rough * 0.999);
    const first = Math.ceil(this.low / step - 1e-9);
    const count = Math.floor(this.high / step + 1e-9) - first + 1;
    return Array.from({ length: count }, (_, number) => Number(((first + number) * step).toPrecision(12)));
  }
}

/** A drawing that is read out as `title`. */
export function drawing(title, attributes, ...nodes) {
  return svg("svg", { role: "img", width: "100%", ...attributes }, svg("title", {}, title), ...nodes);
}

/** A drawing that fits a line of a table. */
export function inRow(title, ...nodes) {
  return drawing(title, { class: "plot", height: ROW }, ...nodes);
}

/** The numbers above such drawings. */
export function axis(scale, format, ticks = scale.ticks()) {
  const number = (value) => svg("text", { x: scale.at(value), y: 11, "text-anchor": "middle" }, format(value));
  const mark = (value) => svg("line", { class: "tick", x1: scale.at(value), x2: scale.at(value), y1: 15, y2: ROW });
  const attributes = { class: "plot axis", height: ROW, width: "100%", "aria-hidden": "true" };
  return svg("svg", attributes, ticks.map(number), ticks.map(mark));
}

/** The numbers left of a drawing of some height, where `up` says; `grid` are its lines. */
export function levels(scale, up, height, format) {
  const number = (value) => svg("text", { x: 52, y: up(value) + 4, "text-anchor": "end" }, format(value));
  return svg("svg", { class: "plot axis", width: 56, height, "aria-hidden": "true" }, scale.ticks().map(number));
}

export function grid(scale, up) {
  const line = (value) => ({ class: value ? "grid" : "rule", x1: "0", x2: "100%", y1: up(value), y2: up(value) });
  return scale.ticks().map((value) => svg("line", line(value)));
}

/** A line across a row, at a value that the others are held against. */
export function rule(scale, value, name = "zero") {
  return svg("line", { class: `rule ${name}`, x1: scale.at(value), x2: scale.at(value), y1: 0, y2: ROW });
}

export function bar(scale, from, to, name) {
  return svg("rect", { class: `mark ${name}`, x: scale.at(from), width: scale.between(from, to), y: 4, height: 12 });
}

export function dot(scale, value, name) {
  return svg("circle", { class: `mark ${name}`, cx: scale.at(value), cy: MIDDLE, r: 4.5 });
}

/** A mark that differs from a dot by its form, too. */
export function stroke(scale, value, name) {
  return svg("line", { class: `mark ${name}`, x1: scale.at(value), x2: scale.at(value), y1: 2, y2: 18 });
}

/** What is known of a value: where it may lie, with ends, and where it most likely does. */
export function interval(scale, { low, value, high }, name) {
  const end = (at) => svg("line", { class: `mark ${name}`, x1: scale.at(at), x2: scale.at(at), y1: 6, y2: 14 });
  const reach = svg("line", {
    class: `mark ${name}`,
    x1: scale.at(low),
    x2: scale.at(high),
    y1: MIDDLE,
    y2: MIDDLE,
  });
  return [reach, end(low), end(high), dot(scale, value, name)];
}

/** Shares of a whole side by side: `parts` are [count, name], one tall and striped as its name says. */
export function stacked(title, parts, most) {
  const scale = { at: (count) => `${((100 * count) / Math.max(most, 1)).toFixed(2)}%` };
  let before = 0;
  const marks = parts.map(([count, name]) => {
    const rect = svg("rect", { class: `mark ${name}`, x: scale.at(before), width: scale.at(count), y: 3, height: 14 });
    before += count;
    return rect;
  });
  return inRow(title, marks);
}

/** What the marks of a figure mean: each `[class, words]`. */
export function key(entries) {
  const sample = (name) =>
    svg(
      "svg",
      { class: "sample", width: 18, height: 14, "aria-hidden": "true" },
      svg("rect", { class: `mark ${name}`, x: 1, y: 2, width: 16, height: 10 }),
    );
  return h(
    "ul",
    { class: "key" },
    entries.map(([name, told]) => h("li", {}, sample(name), told)),
  );
}

/** Two to six numbers that matter most, each with its words: `[label, value, note]`. */
export function tiles(entries) {
  const tile = ([label, value, note]) =>
    h("div", {}, h("dt", {}, label), h("dd", {}, value), note && h("dd", { class: "note" }, note));
  return h("dl", { class: "tiles" }, entries.map(tile));
}

export function asTable(words, table) {
  return h("details", { class: "as-table" }, h("summary", {}, words.say("manager.as-table")), table);
}
