// Whom of the watchlist to show: from which risk on, and of whom.

import { h } from "./dom.js";

const CHOICES = ["default", "critical", "high", "medium", "low", "threshold"];
const PROFILE = ["region", "brand", "segment"];

/** A form; `ask` is given what it says as the parameters of the question. */
export function filters(words, ask) {
  const share = h("input", { name: "share", type: "number", min: 0, max: 100, step: "any", value: 50, required: true });
  const percent = h("label", { hidden: true }, words.say("manager.threshold"), share);
  const options = CHOICES.map((choice) => h("option", { value: choice }, words.say(`manager.from.${choice}`)));
  const least = h("select", { name: "least", onchange: chosen }, options);
  const texts = PROFILE.map((name) => field(name, words));
  const form = h(
    "form",
    { class: "filters", onsubmit: submitted, onreset: () => setTimeout(chosen) },
    h("label", {}, words.say("manager.from"), least),
    percent,
    texts,
    h("button", {}, words.say("manager.apply")),
    h("button", { type: "reset", class: "plain" }, words.say("manager.reset")),
  );
  tend();
  return form;

  /** What is chosen counts at once; what is typed, when it is sent. */
  function chosen() {
    tend();
    if (share.disabled) send();
  }

  function tend() {
    share.disabled = least.value !== "threshold";
    percent.hidden = share.disabled;
  }

  function submitted(event) {
    event.preventDefault();
    send();
  }

  function send() {
    ask(wanted(new FormData(form)));
  }
}

function field(name, words) {
  return h(
    "label",
    {},
    words.say(`manager.${name}`),
    h("input", { name, type: "text", maxlength: 64, autocomplete: "off" }),
  );
}

function wanted(given) {
  const asked = new URLSearchParams();
  const least = given.get("least");
  if (least === "threshold") asked.set("threshold", Number(given.get("share")) / 100);
  else if (least !== "default") asked.set("band", least);
  for (const name of PROFILE) {
    const value = given.get(name).trim();
    if (value) asked.set(name, value);
  }
  return asked;
}
