// The page of a CRM with the card in it, both ways. What `tokenFor` does here, the CRM's own server does elsewhere:
// it holds the key, and the page never sees it.

import { Api } from "./api.js";
import "./churn-card.js";
import { h } from "./dom.js";
import * as session from "./session.js";
import { Words } from "./words.js";

const words = new Words(session.language.get());
const heard = h("pre", { id: "heard", role: "log", "aria-label": words.say("crm.events") });
const card = h("churn-card", { lang: words.language });
const frame = h("iframe", { title: words.say("crm.frame") });
const SPOILED = "not-a-token";
let api = null;
let subscriber = null;

document.documentElement.lang = words.language;
document.title = words.say("crm.title");
document
  .getElementById("crm")
  .append(
    h("h1", {}, words.say("crm.title")),
    h("p", {}, words.say("crm.told")),
    form(),
    h(
      "div",
      { class: "two" },
      h("section", {}, h("h2", {}, words.say("crm.script")), card),
      h("section", {}, h("h2", {}, words.say("crm.frame")), frame),
    ),
    h("h2", {}, words.say("crm.events")),
    heard,
  );
frame.src = "card.html";

function form() {
  return h(
    "form",
    { onsubmit: opened },
    h(
      "label",
      {},
      words.say("page.key"),
      h("input", { name: "key", type: "password", autocomplete: "off", required: true, value: session.key.get() }),
    ),
    h(
      "label",
      {},
      words.say("crm.agent"),
      h("input", { name: "agent", required: true, value: session.agent.get() ?? "agent-03" }),
    ),
    h("label", {}, words.say("crm.subscriber"), h("input", { name: "subscriber", required: true, value: "490" })),
    h("button", { class: "main" }, words.say("crm.open")),
    h("button", { type: "button", onclick: spoil }, words.say("crm.spoil")),
  );
}

function opened(event) {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(event.currentTarget));
  session.key.set(given.key);
  session.agent.set(given.agent);
  subscriber = given.subscriber;
  api = new Api(new URL("..", import.meta.url), () => hear({ type: "key-refused", detail: {} }));
  api.token = given.key;
  handNew();
}

/** What the card does with a token that has expired is seen as soon as it asks for something. */
function spoil() {
  hand(SPOILED);
  card.refresh();
}

async function tokenFor(subscriberId) {
  const wanted = { subscriber_id: subscriberId, agent_id: session.agent.get() };
  return (await api.intend("v1/console-tokens", wanted).send()).token;
}

async function handNew() {
  hand(await tokenFor(subscriber));
}

/** To the card on this page as a property, to the one in the frame as a message. */
function hand(token) {
  card.token = token;
  card.setAttribute("subscriber", subscriber);
  frame.contentWindow.postMessage({ type: "churn-card", token, subscriber, lang: words.language }, location.origin);
}

function hear({ type, detail }) {
  heard.append(`${type} ${JSON.stringify(detail)}\n`);
  if (type === "churn-token-needed" && subscriber) handNew();
}

for (const type of ["churn-decision", "churn-outcome", "churn-contact", "churn-token-needed"])
  card.addEventListener(type, hear);
addEventListener("message", (message) => {
  if (message.source === frame.contentWindow && message.data.type !== "churn-card-ready") hear(message.data);
});
