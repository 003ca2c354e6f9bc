// What the API writes as files, saved.

import { Problem } from "./api.js";
import { h } from "./dom.js";
import { missingScope } from "./manager-desk.js";

const TYPES = {
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
};

/** Buttons that save what `path` leads to under a `name`; they go away when the key may not. */
export function exports(desk, { name, forms, path }) {
  const { words } = desk;
  const told = h("p", { class: "told", role: "status" });
  const buttons = forms.map((form) => {
    const save = () => download(form);
    return h("button", { type: "button", onclick: save }, words.say(`manager.export.${form}`));
  });
  return h("div", { class: "exports", role: "group", "aria-label": words.say("manager.export") }, buttons, told);

  async function download(form) {
    tell("manager.export.running");
    try {
      const parts = await saved(desk.api, path(), name, form);
      tell("manager.export.done", { count: words.number(parts) });
    } catch (error) {
      refused(error);
    }
  }

  function refused(error) {
    if (!(error instanceof Problem) || error.status !== 403)
      return tell("manager.export.failed", { why: error.message });
    for (const button of buttons) button.remove();
    return tell("manager.export.forbidden", { scope: missingScope(error) });
  }

  function tell(message, places) {
    told.textContent = words.say(message, places);
  }
}

/** A long list is several files, one a page. Returns how many. */
async function saved(api, first, name, form) {
  let path = first;
  let number = 0;
  while (path) {
    const answer = await api.file(path, TYPES[form]);
    number += 1;
    hand(await answer.blob(), `${name}${number > 1 ? `-${number}` : ""}.${form}`);
    path = following(path, answer.headers.get("Link"));
  }
  return number;
}

/** Where the next page is, beneath the address that was asked: behind a proxy the service knows another one. */
function following(path, link) {
  const found = /<([^>]*)>;\s*rel="?next"?/.exec(link ?? "");
  return found && path.split("?")[0] + new URL(found[1], "http://here").search;
}

function hand(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
