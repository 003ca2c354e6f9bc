// Campaigns: what each changed, how sure that is, and what it cost.

import { h } from "./dom.js";
import { campaign } from "./manager-campaign.js";
import { emptyBox, part } from "./manager-desk.js";
import { effectFigure, effectHead, effectKey, effectScale, effectWords, roi, verdictTag } from "./manager-effects.js";
import { exports } from "./manager-export.js";
import { UNKNOWN, amount, count } from "./manager-numbers.js";
import { everything } from "./manager-pages.js";
import { table } from "./manager-table.js";
import { tradeOff } from "./manager-tradeoff.js";

const MOST = 200;

export function campaigns(desk, id) {
  if (id) return [campaign(desk, id)];
  return [
    part(desk, "effects", { load: () => measured(desk.api), draw: (items) => effects(desk, items), lines: 8 }),
    tradeOff(desk),
  ];
}

/** Each campaign with what is known of its effect: kept when it ended, else evaluated now. */
async function measured(api) {
  const { items } = await everything(api, "v1/campaigns", MOST);
  return Promise.all(items.map(async (item) => ({ ...item, found: await found(api, item) })));
}

async function found(api, item) {
  if (item.result) return item.result;
  if (!item.started_at) return null;
  return api.get(`v1/campaigns/${item.id}/evaluation`);
}

function effects(desk, items) {
  const { words } = desk;
  if (!items.length) return emptyBox(words, "no-campaigns");
  const scale = effectScale(items.flatMap((item) => item.found?.effect ?? []));
  const columns = [
    { name: "name", label: words.say("manager.campaign"), kind: "text", cell: (item) => named(item, words) },
    {
      name: "figure",
      label: words.say("manager.effect"),
      kind: "wide",
      head: effectHead(scale, words),
      cell: (item) => item.found && effectFigure(item.found.effect, item.found.verdict, scale, words),
    },
    {
      name: "effect",
      label: words.say("manager.effect.points"),
      kind: "number",
      cell: (item) => effectWords(item.found?.effect, words),
    },
    { name: "verdict", label: words.say("manager.verdict"), cell: (item) => verdict(item, words) },
    {
      name: "members",
      label: words.say("manager.members"),
      kind: "number",
      cell: (item) => count(words, item.enrolled),
    },
    {
      name: "cost",
      label: words.say("manager.cost"),
      kind: "number",
      cell: (item) => (item.found ? amount(words, item.found.roi.cost_in) : UNKNOWN),
    },
    { name: "roi", label: words.say("manager.roi"), kind: "number", cell: (item) => roi(item.found?.roi, words) },
  ];
  return [
    h("p", { class: "made" }, words.say("manager.effects.told")),
    effectKey(words),
    table(words, { caption: words.say("manager.effects"), columns, items }),
    items.some((item) => item.result) && past(desk),
  ];
}

/** What those that ended brought, arm by arm, for a spreadsheet. */
function past(desk) {
  const saving = exports(desk, { name: "campaigns", forms: ["csv"], path: () => "v1/reports/campaigns" });
  return h("div", { class: "more" }, h("p", {}, desk.words.say("manager.past")), saving);
}

function named(item, words) {
  const dates = words.say("manager.from-to", { from: words.date(item.starts_on), to: words.date(item.ends_on) });
  const told = `${words.code("manager.state", item.state)} · ${dates} · ${item.owner}`;
  const name = item.found ? h("a", { href: `#campaigns/${item.id}` }, item.name) : h("strong", {}, item.name);
  return [name, h("span", { class: "note under" }, told)];
}

function verdict(item, words) {
  if (!item.found) return h("span", { class: "note" }, words.say("manager.verdict.not-begun"));
  return verdictTag(item.found.verdict, words);
}
