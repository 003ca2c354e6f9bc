// The two dialogs of the agent's page: signing in, and the keys.

import { h } from "./dom.js";

const KEYS = [
  ["/", "find"],
  ["↑ ↓", "move"],
  ["Enter", "open"],
  ["1 2 3", "action"],
  ["A", "accept"],
  ["D", "decline"],
  ["L", "later"],
  ["B", "begin"],
  ["C", "log"],
  ["W", "whynot"],
  ["?", "help"],
];

/** Asks for a key until `signIn(key, agent)` finds nothing the matter with one. `reason` is the name of a message, or null. */
export function signInDialog({ agent, reason }, signIn, words) {
  const problem = h("p", { class: "problem", role: "alert" }, reason && words.say(reason));
  const key = field("key", { type: "password", autocomplete: "off", required: true }, words);
  const name = field("agent", { type: "text", autocomplete: "off", value: agent ?? "", maxlength: "64" }, words);
  const form = h(
    "form",
    { method: "dialog", onsubmit: submitted },
    h("h2", {}, words.say("page.signin")),
    problem,
    key,
    name,
    h("button", { class: "main" }, words.say("page.signin")),
  );
  const dialog = h(
    "dialog",
    { "aria-label": words.say("page.signin"), oncancel: (event) => event.preventDefault() },
    form,
  );
  return opened(dialog);

  async function submitted(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form));
    const matter = await signIn(given.key.trim(), given.agent.trim() || null);
    if (matter) problem.textContent = words.say(matter);
    else closed(dialog);
  }
}

function field(name, attributes, words) {
  return h(
    "label",
    {},
    h("span", {}, words.say(`page.${name}`)),
    h("input", { name, ...attributes }),
    h("small", {}, words.say(`page.${name}.hint`)),
  );
}

/** Shows the keys, and lets single ones be switched off: they can get in the way of speech input. */
export function keysDialog({ areOn, turn }, words) {
  const rows = KEYS.flatMap(([key, name]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words.say(`key.${name}`))]);
  const toggle = h("input", {
    type: "checkbox",
    checked: areOn,
    onchange: (event) => turn(event.currentTarget.checked),
  });
  const dialog = h(
    "dialog",
    { "aria-label": words.say("page.keys"), onclose: () => dialog.remove() },
    h("h2", {}, words.say("page.keys")),
    h("dl", {}, rows),
    h("label", { class: "check" }, toggle, ` ${words.say("page.keys.on")}`),
    h("button", { type: "button", class: "main", onclick: () => dialog.close() }, words.say("page.close")),
  );
  return opened(dialog);
}

function opened(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function closed(dialog) {
  dialog.close();
  dialog.remove();
}
