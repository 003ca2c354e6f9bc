// Logging the contact without leaving the card: the two questions, and the mood.

import { h } from "./dom.js";

const MOODS = ["negative", "neutral", "positive"];

/**
 * The form is made once a subscriber and stays, whatever is drawn again around it: what was typed is not lost.
 * `save(answers)` resolves when it is recorded.
 */
export function callLog(save, words) {
  const status = h("p", { class: "status" });
  const form = h(
    "form",
    { class: "log", novalidate: true, onsubmit: submitted },
    question("reason", words),
    question("request", words),
    h(
      "div",
      { class: "foot" },
      h(
        "fieldset",
        { class: "moods" },
        h("legend", {}, words.say("log.mood")),
        MOODS.map((mood) => choice(mood, words)),
      ),
      h("button", { class: "main", "data-does": "save" }, words.say("log.save")),
    ),
    status,
  );
  return h(
    "section",
    { class: "panel logging", "aria-labelledby": "log-title" },
    h("h3", { id: "log-title" }, words.say("log.title"), " ", h("kbd", { "aria-hidden": "true" }, "C")),
    form,
  );

  async function submitted(event) {
    event.preventDefault();
    const answers = Object.fromEntries(new FormData(form));
    const missing = ["reason", "request"].filter((name) => !answers[name].trim());
    for (const name of ["reason", "request"]) form.elements[name].setAttribute("aria-invalid", missing.includes(name));
    if (missing.length > 0) {
      status.textContent = words.say("log.both");
      form.elements[missing[0]].focus();
      return;
    }
    status.textContent = "";
    if (await save(answers)) form.reset();
  }
}

function question(name, words) {
  const label = words.say(`log.${name}`);
  return h("label", {}, h("span", {}, label), h("textarea", { name, rows: "2", maxlength: "4000", required: true }));
}

function choice(mood, words) {
  return h("label", {}, h("input", { type: "radio", name: "sentiment", value: mood }), ` ${words.code("mood", mood)}`);
}
