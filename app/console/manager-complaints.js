// Complaints: which promises were kept, and what is the most urgent now.

import { h } from "./dom.js";
import { emptyBox, part } from "./manager-desk.js";
import { key, stacked, tiles } from "./manager-figures.js";
import { UNKNOWN, count, percent } from "./manager-numbers.js";
import { everything } from "./manager-pages.js";
import { cutNote, person, shortened, table } from "./manager-table.js";

const DAY_MS = 86_400_000;
const PERIOD_DAYS = 30;
const MOST = 1_000;
const SHOWN = 12;
const OPEN_SHOWN = 50;
const SEVERITIES = ["critical", "major", "minor"];
const FATES = ["kept", "broken", "running"];
const TEXTURES = { kept: "good", broken: "bad", running: "open" };

export function complaints(desk) {
  const since = new Date(Date.now() - PERIOD_DAYS * DAY_MS).toISOString();
  const report = once(() => desk.api.get(`v1/reports/complaint-sla?since=${encodeURIComponent(since)}`));
  return [
    part(desk, "urgent", { load: () => unfinished(desk.api), draw: (found) => urgent(found, desk.words), lines: 8 }),
    h(
      "div",
      { class: "side-by-side" },
      part(desk, "promises", { load: report, draw: (found) => promises(found, desk.words), lines: 5 }),
      part(desk, "severity", {
        load: () => opened(desk.api, since),
        draw: (found) => bySeverity(found, desk.words),
        lines: 5,
      }),
    ),
    part(desk, "owners", { load: report, draw: (found) => byOwner(found, desk.words), lines: 10 }),
  ];
}

/** Two parts of the view read the same answer: it is asked for once, and again after a failure. */
function once(ask) {
  let asked = null;
  return () => {
    asked ??= ask().catch((error) => {
      asked = null;
      throw error;
    });
    return asked;
  };
}

async function unfinished(api) {
  const found = await Promise.all(
    ["open", "in_progress"].map((status) => everything(api, `v1/complaints?status=${status}`, MOST)),
  );
  const items = found
    .flatMap((each) => each.items)
    .toSorted((one, other) => new Date(one.due_at) - new Date(other.due_at));
  return { items, isCut: found.some((each) => each.isCut) };
}

async function opened(api, since) {
  const isOlder = (complaint) => new Date(complaint.created_at) < new Date(since);
  const found = await everything(api, "v1/complaints", MOST, isOlder);
  return { ...found, items: found.items.filter((complaint) => !isOlder(complaint)) };
}

function promises(report, words) {
  if (!report.complaints) return emptyBox(words, "no-complaints");
  const sums = FATES.map((fate) => report.items.reduce((sum, item) => sum + item[fate], 0));
  const told = FATES.map((fate, at) => [words.say(`manager.${fate}`), count(words, sums[at])]);
  return [
    h(
      "p",
      { class: "made" },
      words.say("manager.promises.period", { since: words.date(report.since), count: count(words, report.complaints) }),
    ),
    tiles([
      [
        words.say("manager.kept-share"),
        report.kept_share === null ? UNKNOWN : percent(words, report.kept_share, 0),
        words.say("manager.kept-share.note"),
      ],
      ...told,
      [words.say("manager.ping-pong"), count(words, report.ping_pong), words.say("manager.ping-pong.note")],
    ]),
  ];
}

function fateOf(complaint) {
  if (complaint.sla_met === null) return "running";
  return complaint.sla_met ? "kept" : "broken";
}

function bySeverity(found, words) {
  if (!found.items.length) return emptyBox(words, "no-complaints");
  const items = SEVERITIES.map((severity) => {
    const those = found.items.filter((complaint) => complaint.severity === severity);
    const counts = FATES.map((fate) => [fate, those.filter((complaint) => fateOf(complaint) === fate).length]);
    return { severity, complaints: those.length, ...Object.fromEntries(counts) };
  });
  const first = {
    name: "severity",
    label: words.say("manager.severity.name"),
    cell: (item) => words.code("severity", item.severity),
  };
  const caption = words.say("manager.severity");
  const cut = cutNote(words, found.isCut, MOST);
  return [fatesKey(words), table(words, { caption, columns: [first, ...fateColumns(items, words)], items }), cut];
}

function byOwner(report, words) {
  if (!report.items.length) return emptyBox(words, "no-complaints");
  const order = { name: null, direction: 1 };
  const columns = [
    { name: "owner", label: words.say("manager.owner"), cell: (item) => item.owner, value: (item) => item.owner },
    {
      name: "team",
      label: words.say("manager.team"),
      cell: (item) => item.team ?? UNKNOWN,
      value: (item) => item.team,
    },
    ...fateColumns(report.items, words, true),
    {
      name: "share",
      label: words.say("manager.kept-share"),
      kind: "number",
      cell: (item) => (item.kept_share === null ? UNKNOWN : percent(words, item.kept_share, 0)),
      value: (item) => item.kept_share,
    },
  ];
  return shortened(
    words,
    report.items,
    (items) => table(words, { caption: words.say("manager.owners"), columns, items, order }),
    SHOWN,
  );
}

function fateColumns(items, words, sortable = false) {
  const most = Math.max(...items.map((item) => item.complaints));
  const figure = (item) => {
    const told = FATES.map((fate) => `${words.say(`manager.${fate}`)} ${count(words, item[fate])}`).join(", ");
    return stacked(
      told,
      FATES.map((fate) => [item[fate], TEXTURES[fate]]),
      most,
    );
  };
  const counted = (fate) => ({
    name: fate,
    label: words.say(`manager.${fate}`),
    kind: "number",
    cell: (item) => count(words, item[fate]),
    value: sortable ? (item) => -item[fate] : null,
  });
  return [
    { name: "figure", label: words.say("manager.complaints"), kind: "wide", cell: figure },
    ...FATES.map(counted),
  ];
}

function fatesKey(words) {
  return key(FATES.map((fate) => [TEXTURES[fate], words.say(`manager.${fate}`)]));
}

function urgent(found, words) {
  if (!found.items.length) return emptyBox(words, "none-open");
  const order = { name: null, direction: 1 };
  const draw = (items) =>
    table(words, {
      caption: words.say("manager.urgent"),
      columns: urgentColumns(words),
      items,
      order,
      rowClass: (item) => isLate(item) && "late",
    });
  const late = found.items.filter(isLate).length;
  const told = h(
    "p",
    { class: "made" },
    words.say("manager.urgent.told", { count: count(words, found.items.length), late: count(words, late) }),
  );
  const cut = cutNote(words, found.isCut, MOST);
  return [told, shortened(words, found.items, draw, OPEN_SHOWN), cut];
}

function isLate(complaint) {
  return new Date(complaint.due_at) < Date.now();
}

function urgentColumns(words) {
  const said = (kind, name, label = name) => ({
    name,
    label: words.say(`manager.${label}`),
    cell: (item) => words.code(kind, item[name]),
    value: (item) => words.code(kind, item[name]),
  });
  return [
    {
      name: "due_at",
      label: words.say("manager.due"),
      cell: (item) => due(item, words),
      value: (item) => Date.parse(item.due_at),
    },
    {
      name: "severity",
      label: words.say("manager.severity.name"),
      cell: (item) => h("span", { class: `tag ${item.severity}` }, words.code("severity", item.severity)),
      value: (item) => SEVERITIES.indexOf(item.severity),
    },
    said("complaint", "type"),
    {
      name: "who",
      label: words.say("manager.who"),
      cell: (item) => person(item.subscriber_id),
      value: (item) => item.subscriber_id,
    },
    { name: "description", label: words.say("manager.said"), kind: "text", cell: (item) => item.description },
    {
      name: "owner",
      label: words.say("manager.owner"),
      cell: (item) => owner(item, words),
      value: (item) => item.owner,
    },
    said("manager.escalation", "escalation"),
    said("manager.status", "status"),
  ];
}

function due(item, words) {
  const late = isLate(item) && h("span", { class: "tag late" }, words.say("manager.late"));
  const near = h("time", { datetime: item.due_at }, words.distance(item.due_at));
  return [near, " ", late, h("span", { class: "note under" }, words.time(item.due_at))];
}

function owner(item, words) {
  const passed = item.ping_pong && h("span", { class: "tag" }, words.say("manager.passed-on"));
  return [item.owner, item.team && h("span", { class: "note" }, ` ${item.team} `), passed];
}
