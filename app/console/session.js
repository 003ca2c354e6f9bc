// What this tab remembers: the key, who uses it, and their choices. Nothing of it outlives the tab.

import { languageFor } from "./words.js";

const remembered = (name) => ({
  get: () => sessionStorage.getItem(name),
  set: (value) => (value ? sessionStorage.setItem(name, value) : sessionStorage.removeItem(name)),
});

export const key = remembered("stayline.key");
export const agent = remembered("stayline.agent");
export const singleKeysOff = remembered("stayline.single-keys-off");

const chosenLanguage = remembered("stayline.language");

export const language = {
  get: () => languageFor(chosenLanguage.get() ?? navigator.language),
  set: chosenLanguage.set,
};

export function forget() {
  key.set(null);
  agent.set(null);
}
