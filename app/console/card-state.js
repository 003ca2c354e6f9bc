// What stands in the card, or above it, when there is nothing else to show: what is the matter and what to do next.

import { h } from "./dom.js";
import { Unreachable } from "./api.js";

const BY_STATUS = { 403: "forbidden", 404: "missing", 410: "erased" };

/** The name of the state that an error leaves the card in. */
export function stateOf(error) {
  if (error instanceof Unreachable) return "offline";
  if (error.isTemporary) return "away";
  return BY_STATUS[error.status] ?? "error";
}

/** `retry` is what the button does, if there is one. */
export function stateBox(state, { id, error, retry }, words) {
  const places = { id, request: error?.requestId ?? "-" };
  const detail = state === "error" && error?.message;
  return h(
    "div",
    { class: `state ${state}` },
    h("strong", {}, words.say(`state.${state}`, places)),
    detail && h("p", { class: "detail" }, detail),
    h("p", {}, words.say(`state.${state}.next`, places)),
    retry && h("button", { type: "button", "data-does": "retry", onclick: retry }, words.say("state.retry")),
  );
}

/** The outline of a card whose facts are on their way: it takes the room that they will take. */
export function skeleton(id, words) {
  const block = (name) => h("div", { class: `panel pulse ${name}` });
  return h(
    "div",
    { class: "skeleton" },
    h("p", { class: "hidden" }, words.say("state.loading", { id })),
    h("div", { class: "who pulse" }),
    h(
      "div",
      { class: "columns" },
      h("div", { class: "left" }, block("risk"), block("last"), block("history")),
      h("div", { class: "right" }, block("actions"), block("logging")),
    ),
  );
}
