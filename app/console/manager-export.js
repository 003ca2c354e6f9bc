// The watchlist as files, in the forms that the API writes.

import { Problem } from "./api.js";
import { h } from "./dom.js";

const FORMS = {
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
};

/** Buttons that download what `asked` tells; they go away when the key may not. */
export function exports(desk, asked) {
  const { words } = desk;
  const told = h("p", { class: "told", role: "status" });
  const buttons = Object.keys(FORMS).map((form) =>
    h("button", { type: "button", onclick: () => download(form) }, words.say(`manager.export.${form}`)),
  );
  const group = h("div", { class: "exports", role: "group", "aria-label": words.say("manager.export") }, buttons, told);
  return group;

  async function download(form) {
    tell("manager.export.running");
    try {
      const parts = await save(desk.api, form, asked());
      tell("manager.export.done", { count: words.number(parts) });
    } catch (error) {
      refused(error);
    }
  }

  function refused(error) {
    if (!(error instanceof Problem) || error.status !== 403)
      return tell("manager.export.failed", { why: error.message });
    for (const button of buttons) button.remove();
    return tell("manager.export.forbidden");
  }

  function tell(name, places) {
    told.textContent = words.say(name, places);
  }
}

/** One file a page of the export: a long list is several of them. Returns how many. */
async function save(api, form, asked) {
  let path = `v1/watchlist?${asked}`;
  let number = 0;
  while (path) {
    const answer = await api.file(path, FORMS[form]);
    number += 1;
    hand(await answer.blob(), `watchlist${number > 1 ? `-${number}` : ""}.${form}`);
    path = following(answer.headers.get("Link"));
  }
  return number;
}

/** Where the next page is, beneath the service's own address: behind a proxy it has another one. */
function following(link) {
  const found = /<([^>]*)>;\s*rel="?next"?/.exec(link ?? "");
  return found && `v1/watchlist${new URL(found[1], "http://here").search}`;
}

function hand(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
