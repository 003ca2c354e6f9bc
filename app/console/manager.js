// The manager's pages: several views, one at a time, named by the address's fragment.

import { Api } from "./api.js";
import { h } from "./dom.js";
import { SERVICE, askForKey, languageChoice, signOut } from "./entry.js";
import { campaigns } from "./manager-campaigns.js";
import { complaints } from "./manager-complaints.js";
import { Desk, replaced } from "./manager-desk.js";
import { groups } from "./manager-groups.js";
import { MANAGER } from "./manager-messages.js";
import { model } from "./manager-model.js";
import { pool } from "./manager-pool.js";
import { touchpoints } from "./manager-touchpoints.js";
import { watchlist } from "./manager-watchlist.js";
import * as session from "./session.js";
import { Words } from "./words.js";

const VIEWS = { watchlist, groups, pool, complaints, touchpoints, campaigns, model };
const NAMES = Object.keys(VIEWS);
const PURPOSE = "analysis";

const api = new Api(SERVICE, ask, PURPOSE);
let words = newWords();
let desk = null;

function newWords() {
  return new Words(session.language.get(), MANAGER);
}

function draw() {
  words = newWords();
  document.documentElement.lang = words.language;
  document.getElementById("title").replaceChildren("Stayline ", h("span", {}, words.say("manager.title")));
  document.getElementById("views").setAttribute("aria-label", words.say("manager.views"));
  document.getElementById("views").replaceChildren(...NAMES.map(tab));
  document.getElementById("tools").replaceChildren(...tools());
  follow();
}

function tools() {
  return [
    h("a", { class: "button", href: "./" }, words.say("manager.agents-page")),
    languageChoice(words, draw),
    h("button", { type: "button", onclick: signOut }, words.say("page.signout")),
  ];
}

function tab(name) {
  const go = () => (location.hash = name);
  const attributes = { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "view", onclick: go };
  return h("button", { ...attributes, onkeydown: moved }, words.say(`manager.${name}`));
}

function moved(event) {
  const at = NAMES.findIndex((name) => event.currentTarget.id === `tab-${name}`);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: NAMES.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  const name = NAMES[(next + NAMES.length) % NAMES.length];
  document.getElementById(`tab-${name}`).focus();
  location.hash = name;
}

/** Shows the view that the fragment names: `#campaigns/…` is one campaign. */
function follow() {
  const [wanted, detail] = location.hash.slice(1).split("/");
  const name = NAMES.includes(wanted) ? wanted : NAMES[0];
  for (const each of NAMES) {
    const chosen = each === name;
    const button = document.getElementById(`tab-${each}`);
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  document.title = words.say("manager.page", { view: words.say(`manager.${name}`) });
  show(name, detail);
}

function show(name, detail) {
  desk?.leave();
  desk = new Desk(api, words);
  const view = document.getElementById("view");
  view.setAttribute("aria-labelledby", `tab-${name}`);
  replaced(view, VIEWS[name](desk, detail));
}

/** Asks for a key, or for another one if the one that is remembered was refused. */
function ask() {
  const taken = (key) => (api.token = key);
  askForKey(session.key.get() && "page.again", taken, words);
}

addEventListener("hashchange", follow);
addEventListener("online", () => desk?.wake());

api.token = session.key.get();
draw();
