// The agent's page: find somebody, see the card, and what else there is to do.

import { Api } from "./api.js";
import "./churn-card.js";
import { keysDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { SERVICE, askForKey, languageChoice, signOut } from "./entry.js";
import { search } from "./search.js";
import * as session from "./session.js";
import { Words } from "./words.js";
import { worklists } from "./worklists.js";

const LISTS_EVERY_MS = 60_000;

const api = new Api(SERVICE, () => ask("page.again"));
const card = h("churn-card", { tabindex: "-1" });
let words = new Words(session.language.get());

function draw() {
  words = new Words(session.language.get());
  document.documentElement.lang = words.language;
  document.title = words.say("console.title");
  place("search", search(api, open, words));
  place("tools", ...tools());
  if (!card.isConnected) place("card", card);
  card.setAttribute("lang", words.language);
  drawLists();
}

function place(id, ...nodes) {
  document.getElementById(id).replaceChildren(...nodes);
}

function tools() {
  return [
    h("a", { class: "button", href: "manager.html" }, words.say("page.manager")),
    languageChoice(words, draw),
    h(
      "button",
      { type: "button", onclick: showKeys },
      words.say("page.keys"),
      " ",
      h("kbd", { "aria-hidden": "true" }, "?"),
    ),
    h("button", { type: "button", onclick: signOut }, words.say("page.signout")),
  ];
}

async function drawLists() {
  if (!api.token) return;
  const sections = await worklists(api, session.agent.get(), words).catch(() => null);
  // What was there stays if it cannot be read right now: the card says what is the matter.
  if (sections && !document.getElementById("lists").contains(document.activeElement)) place("lists", ...sections);
}

/** Shows somebody, and goes on there: keys that follow are meant for the card. */
function open(id) {
  location.hash = encodeURIComponent(id);
  card.focus({ preventScroll: true });
}

function follow() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id) card.setAttribute("subscriber", id);
  else card.removeAttribute("subscriber");
}

function ask(reason) {
  askForKey(reason, take, words);
}

function take(key) {
  const agent = session.agent.get();
  if (agent) card.setAttribute("agent", agent);
  else card.removeAttribute("agent");
  api.token = key;
  card.token = key;
  drawLists();
}

function showKeys() {
  const turn = (areOn) => session.singleKeysOff.set(areOn ? null : "yes");
  keysDialog({ areOn: !session.singleKeysOff.get(), turn }, words);
}

function pressed(event) {
  const isElsewhere = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey;
  if (isElsewhere || session.singleKeysOff.get() || document.querySelector("dialog[open]") || isTyping(event)) return;
  if (event.key === "/") document.querySelector("#search input").focus();
  else if (event.key === "?") showKeys();
  else if (!card.press(event.key)) return;
  event.preventDefault();
}

function isTyping(event) {
  return event.composedPath()[0].matches?.("textarea, select, input:not([type=radio], [type=checkbox])");
}

addEventListener("hashchange", follow);
addEventListener("keydown", pressed);
card.addEventListener("churn-token-needed", () => ask("page.again"));
for (const name of ["churn-outcome", "churn-contact"]) card.addEventListener(name, drawLists);
setInterval(drawLists, LISTS_EVERY_MS);

follow();
draw();
if (session.key.get()) take(session.key.get());
else ask(null);
