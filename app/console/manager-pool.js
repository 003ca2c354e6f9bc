// The pool of dissatisfied subscribers: four goals in a figure each, the pool from every side, and who is in it.

import { h } from "./dom.js";
import { emptyBox, part, section } from "./manager-desk.js";
import { exports } from "./manager-export.js";
import { Scale, bar, inRow, tiles } from "./manager-figures.js";
import { UNKNOWN, count, percent, points } from "./manager-numbers.js";
import { everything, touchpointNames } from "./manager-pages.js";
import { cutNote, person, shortened, table } from "./manager-table.js";

const MOST = 1_000;
const SHOWN = 12;
const LEVELS_SHOWN = 8;
const SIDES = ["source", "brand", "region", "channel", "touchpoint", "times"];

export function pool(desk) {
  const { words } = desk;
  const goals = () => desk.api.get("v1/reports/care-goals");
  return [
    part(desk, "goals", { load: goals, draw: (found) => goalTiles(found, words), lines: 4 }),
    cube(desk),
    part(desk, "in-pool", { load: () => open(desk.api), draw: (found) => cases(found, words), lines: 10 }),
  ];
}

/** Those whose case is open, by when it came about: the API lists them by when it was written down. */
async function open(api) {
  const found = await everything(api, "v1/care-cases?open=true", MOST);
  const items = found.items.toSorted((one, other) => Date.parse(other.opened_at) - Date.parse(one.opened_at));
  return { ...found, items };
}

function goalTiles({ since, until, items }, words) {
  const period = words.say("manager.goals.told", { since: words.date(since), until: words.date(until) });
  const tile = ({ goal, measure, part: some, whole, share, share_before }) => [
    words.say(`manager.goal.${goal}`),
    share === null ? UNKNOWN : percent(words, share, 0),
    [
      words.say(`manager.measure-of.${measure}`, { part: count(words, some), whole: count(words, whole) }),
      h("span", { class: "under" }, before(share, share_before, words)),
    ],
  ];
  return [h("p", { class: "made" }, period), h("div", { class: "goals" }, tiles(items.map(tile)))];
}

function before(share, earlier, words) {
  if (earlier === null) return words.say("manager.goal.no-before");
  const places = { before: percent(words, earlier, 0), change: share === null ? UNKNOWN : points(words, share - earlier) };
  return words.say("manager.goal.before", places);
}

/** The pool from six sides; a level that is chosen on one side cuts the others down to it. */
function cube(desk) {
  const { words } = desk;
  const names = touchpointNames(desk.api);
  const chosen = new Map();
  const body = h("div", { class: "body" });
  const path = () => `v1/reports/pool?${new URLSearchParams([...chosen])}`;
  const load = async () => ({ ...(await desk.api.get(`${path()}${chosen.size ? "&" : ""}limit=1`)), names: await names });
  const choose = (side, level) => {
    if (level === null) chosen.delete(side);
    else chosen.set(side, level);
    refresh();
  };
  const refresh = () => desk.fill(body, { load, draw: (found) => sides(found, chosen, choose, words), lines: 16 });
  const saving = exports(desk, { name: "pool", forms: ["csv"], path });
  refresh();
  return section(desk, "sides", h("div", { class: "toolbar" }, h("p", { class: "made" }, words.say("manager.pool.told")), saving), body);
}

function sides(found, chosen, choose, words) {
  if (!found.total && !chosen.size) return emptyBox(words, "pool-empty");
  const total = h("strong", {}, words.say("manager.pool.total", { count: count(words, found.total) }));
  const cuts = [...chosen].map(([side, level]) => {
    const what = `${words.say(`manager.${side}`)}: ${levelName(side, level, found.names, words)}`;
    const drop = { type: "button", onclick: () => choose(side, null), "aria-label": words.say("manager.cut.drop", { what }) };
    return h("button", drop, what, h("span", { "aria-hidden": "true" }, " ×"));
  });
  const figures = SIDES.filter((side) => !chosen.has(side)).map((side) => sideOf(side, found, choose, words));
  return [h("p", { class: "cuts", role: "status" }, total, cuts), h("div", {}, figures)];
}

function sideOf(side, { marginals, total, names }, choose, words) {
  const levels = marginals[side];
  const scale = new Scale(0, Math.max(...levels.map(({ cases }) => cases), 1));
  const draw = (items) => h("ul", { class: "levels" }, items.map(line));
  const heading = h("h3", {}, words.say(`manager.${side}`));
  return h("div", { class: "block" }, heading, shortened(words, levels, draw, LEVELS_SHOWN));

  function line({ level, cases }) {
    const name = levelName(side, level, names, words);
    const share = percent(words, total ? cases / total : 0, 0);
    const told = words.say("manager.level.spoken", { name, count: count(words, cases), share });
    const attributes = { type: "button", class: "level", "aria-label": words.say("manager.cut.to", { what: told }) };
    const known = level !== null;
    return h(
      "li",
      {},
      known ? h("button", { ...attributes, onclick: () => choose(side, level) }, name) : h("span", { class: "note" }, name),
      inRow(told, bar(scale, 0, cases, "level")),
      h("span", { class: "number" }, count(words, cases)),
    );
  }
}

function levelName(side, level, names, words) {
  if (level === null) return words.say("manager.level.unknown");
  if (side === "touchpoint") return names.get(level) ?? level;
  if (side === "times") return words.say(level === "1" ? "manager.times.once" : "manager.times.more", { times: level });
  return side === "channel" || side === "source" ? words.code(side, level) : level;
}

function cases({ items, isCut }, words) {
  if (!items.length) return emptyBox(words, "pool-empty");
  const order = { name: null, direction: 1 };
  const draw = (some) =>
    table(words, { caption: words.say("manager.in-pool"), columns: caseColumns(words), items: some, order });
  const cut = cutNote(words, isCut, MOST);
  return [shortened(words, items, draw, SHOWN), cut];
}

function caseColumns(words) {
  const cause = (item) => words.code("complaint", item.cause ?? item.likely_cause);
  return [
    {
      name: "who",
      label: words.say("manager.who"),
      cell: (item) => person(item.subscriber_id),
      value: (item) => item.subscriber_id,
    },
    {
      name: "since",
      label: words.say("manager.since"),
      cell: (item) => h("time", { datetime: item.opened_at }, words.distance(item.opened_at)),
      value: (item) => Date.parse(item.opened_at),
    },
    {
      name: "stage",
      label: words.say("manager.stage"),
      cell: (item) => words.code("stage", item.stage),
      value: (item) => item.stage,
    },
    {
      name: "cause",
      label: words.say("manager.cause"),
      cell: (item) => [cause(item), !item.cause && h("span", { class: "note" }, ` ${words.say("manager.cause.likely")}`)],
      value: cause,
    },
    {
      name: "activity",
      label: words.say("manager.activity"),
      cell: (item) => words.code("manager.activity", item.activity),
      value: (item) => item.activity,
    },
    {
      name: "times",
      label: words.say("manager.times"),
      kind: "number",
      cell: (item) => count(words, item.evidence.length),
      value: (item) => -item.evidence.length,
    },
    { name: "owner", label: words.say("manager.owner"), cell: (item) => item.owner, value: (item) => item.owner },
  ];
}
