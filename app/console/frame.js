// The card in a frame: the page around it hands a token and whom to show by postMessage, and hears what happens.
//
// Who may frame this page is said by its content security policy, so a message of the parent is one of theirs. The
// parent's origin is learnt from its first message: to no other is anything told.

import "./churn-card.js";

const ATTRIBUTES = ["subscriber", "channel", "direction", "touchpoint", "live", "lang"];
const EVENTS = ["churn-decision", "churn-outcome", "churn-contact", "churn-token-needed"];

const card = document.querySelector("churn-card");
let parentOrigin = null;

addEventListener("message", (message) => {
  if (message.source !== parent || message.data?.type !== "churn-card") return;
  if (message.origin !== (parentOrigin ??= message.origin)) return;
  if (message.data.lang) document.documentElement.lang = message.data.lang;
  for (const name of ATTRIBUTES.filter((candidate) => candidate in message.data)) set(name, message.data[name]);
  if (message.data.token) card.token = message.data.token;
});

function set(name, value) {
  if (value === null || value === false) card.removeAttribute(name);
  else card.setAttribute(name, value === true ? "" : value);
}

for (const type of EVENTS) {
  card.addEventListener(type, ({ detail }) => {
    if (parentOrigin) parent.postMessage({ type, detail }, parentOrigin);
  });
}

// It holds nothing, so it may be told before we know to whom.
if (parent !== window) parent.postMessage({ type: "churn-card-ready" }, "*");
