// What every page of the console begins with: a key, a language, a way out.

import { signInDialog } from "./dialogs.js";
import { h } from "./dom.js";
import * as session from "./session.js";
import { LANGUAGES, Words } from "./words.js";

export const SERVICE = new URL("..", import.meta.url);

/** Asks for a key, once at a time, for a `reason` or none; `taken` is told the key that the service knows. */
export function askForKey(reason, taken, words) {
  if (document.querySelector("dialog.signin")) return;
  const dialog = signInDialog({ agent: session.agent.get(), reason }, signIn, words);
  dialog.classList.add("signin");

  /** Returns the name of what is the matter with a key, or null. */
  async function signIn(key, agent) {
    const trouble = await tried(key);
    if (trouble) return trouble;
    session.key.set(key);
    session.agent.set(agent);
    taken(key);
    return null;
  }
}

/** Tries a key on a small question. */
async function tried(key) {
  const headers = { Authorization: `Bearer ${key}` };
  const answer = await fetch(new URL("v1/feature-schema", SERVICE), { headers }).catch(() => null);
  if (!answer) return "state.offline";
  return answer.status === 401 ? "page.key.bad" : null;
}

export function signOut() {
  session.forget();
  location.replace(location.pathname);
}

/** `changed` is called when another language was chosen. */
export function languageChoice(words, changed) {
  const options = LANGUAGES.map((language) =>
    h(
      "option",
      { value: language, lang: language, selected: language === words.language },
      new Words(language).say("language.name"),
    ),
  );
  const choose = (event) => {
    session.language.set(event.currentTarget.value);
    changed();
  };
  return h("select", { "aria-label": words.say("page.language"), onchange: choose }, options);
}
