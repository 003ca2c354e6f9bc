// How an effect and what it brought are said and drawn, wherever they are told.

import { h } from "./dom.js";
import { Scale, axis, inRow, interval, key, rule } from "./manager-figures.js";
import { UNKNOWN, decimal, points } from "./manager-numbers.js";

const LEAST_REACH = 0.02; // an axis of fewer points would make noise look like something

/** A scale that holds all intervals, with 0 in its middle. */
export function effectScale(intervals) {
  const reach = Math.max(LEAST_REACH, ...intervals.flatMap((one) => [Math.abs(one.low), Math.abs(one.high)]));
  return new Scale(-reach, reach);
}

/** An effect with its interval against 0, or that it is not known. */
export function effectFigure(effect, verdict, scale, words) {
  if (!effect) return words.say("manager.effect.unknown");
  const told = words.say("manager.effect.spoken", {
    value: points(words, effect.value),
    low: points(words, effect.low),
    high: points(words, effect.high),
  });
  return inRow(told, rule(scale, 0), interval(scale, effect, verdict));
}

export function verdictTag(verdict, words) {
  return h("span", { class: `tag ${verdict}` }, words.code("manager.verdict", verdict));
}

export function effectWords(effect, words) {
  if (!effect) return UNKNOWN;
  const say = (value) => points(words, value);
  return words.say("manager.within", { value: say(effect.value), low: say(effect.low), high: say(effect.high) });
}

export function effectHead(scale, words) {
  return axis(scale, (value) => points(words, value));
}

export function effectKey(words) {
  return key([
    ["works", words.say("manager.verdict.works")],
    ["not_enough_data", words.say("manager.verdict.not_enough_data")],
    ["does_not", words.say("manager.verdict.does_not")],
  ]);
}

/** Of a kept result the numbers are text. */
export function roi(found, words) {
  if (!found || found.roi === null) return UNKNOWN;
  const say = (value) => decimal(words, Number(value), 1);
  return words.say("manager.within", { value: say(found.roi), low: say(found.roi_low), high: say(found.roi_high) });
}
