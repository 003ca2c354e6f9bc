// How likely they are to leave, and why: a gauge, and one signed bar for each reason.

import { h, panel, styled, svg } from "./dom.js";

const RADIUS = 52;
const CENTRE = 60;

/** `dictionary` and `bands` may be empty: names and marks are then left plain. */
export function risk(score, { dictionary, bands }, words) {
  return panel(
    "risk",
    words.say("risk.title"),
    h("div", { class: "gauge-row" }, gauge(score, bands, words), verdict(score, words)),
    h("h4", {}, words.say("drivers.title")),
    drivers(score, dictionary, words),
    score.model.label_note && note(score, words),
  );
}

/** What stands in its place while nothing can be told. */
export function unknownRisk(words) {
  return panel(
    "risk",
    words.say("risk.title"),
    h("p", { class: "empty" }, h("strong", {}, words.say("risk.unknown")), " ", words.say("risk.unknown.next")),
  );
}

function verdict(score, words) {
  const chance = h("strong", { class: "chance" }, words.percent(score.probability));
  const [before, after] = words.say("risk.chance", { chance: "\n", days: score.horizon_days }).split("\n");
  return h(
    "p",
    { class: `verdict ${score.band}`, "aria-hidden": "true" },
    h("span", { class: "band" }, words.code("band", score.band)),
    before && h("span", { class: "days" }, before),
    chance,
    after && h("span", { class: "days" }, after),
  );
}

function gauge(score, bands, words) {
  const places = {
    chance: words.percent(score.probability),
    days: score.horizon_days,
    band: words.code("band", score.band),
  };
  const marks = bands.filter((band) => band.from_probability > 0).map((band) => mark(band.from_probability));
  return svg(
    "svg",
    {
      class: `gauge ${score.band}`,
      viewBox: "0 0 120 66",
      role: "img",
      "aria-label": words.say("risk.spoken", places),
    },
    svg("path", { class: "track", d: arc(0, 1) }),
    svg("path", { class: "level", d: arc(0, Math.max(score.probability, 0.01)) }),
    marks,
  );
}

function at(share, radius) {
  const angle = Math.PI * (1 - share);
  return [CENTRE + radius * Math.cos(angle), CENTRE - radius * Math.sin(angle)].map((value) => value.toFixed(2));
}

function arc(from, to) {
  return `M ${at(from, RADIUS).join(" ")} A ${RADIUS} ${RADIUS} 0 0 1 ${at(to, RADIUS).join(" ")}`;
}

function mark(share) {
  const [x1, y1] = at(share, RADIUS - 6);
  const [x2, y2] = at(share, RADIUS + 6);
  return svg("line", { class: "mark", x1, y1, x2, y2 });
}

function drivers(score, dictionary, words) {
  const told = score.drivers.filter((driver) => driver.effect !== "none");
  const most = Math.max(
    ...told.map((driver) => Math.abs(driver.contribution)),
    Math.abs(score.other_contribution),
    0.01,
  );
  const rows = told.map((driver) => driverRow(driver, dictionary.get(driver.feature), most, words));
  return h("ul", { class: "drivers" }, rows, otherRow(score.other_contribution, most, words));
}

function driverRow(driver, known, most, words) {
  const name = words.code("feature", driver.feature);
  return row(name, valueOf(driver.value, known, words), driver.contribution, most, words);
}

function otherRow(contribution, most, words) {
  return row(words.say("drivers.other"), "", contribution, most, words);
}

function row(name, value, contribution, most, words) {
  const effect = contribution > 0 ? "raises" : "lowers";
  const bar = styled(h("span", { class: `bar ${effect}` }), { "--share": Math.abs(contribution) / most });
  return h(
    "li",
    {},
    h("span", { class: "name" }, name),
    h("span", { class: "value" }, value),
    h("span", { class: "bars", "aria-hidden": "true" }, bar),
    h("span", { class: `sign ${effect}`, "aria-hidden": "true" }, words.change(contribution)),
    h("span", { class: "hidden" }, words.say(`drivers.${effect}`)),
  );
}

/** A value as one would say it. */
export function valueOf(value, known, words) {
  if (value === null || value === undefined) return words.say("value.unknown");
  if (typeof value === "boolean") return words.say(value ? "value.yes" : "value.no");
  if (typeof value !== "number") return words.messages[`level.${value}`] ?? String(value);
  const unit = known?.unit;
  if (/^[A-Z]{3}$/.test(unit ?? "")) return words.money(value, unit);
  return unit ? words.measure(value, unit) : words.number(value);
}

function note(score, words) {
  return h("details", { class: "note" }, h("summary", {}, words.say("risk.note")), h("p", {}, score.model.label_note));
}
