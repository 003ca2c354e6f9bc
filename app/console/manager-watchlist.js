// Who is likely to leave, why, and what to do next: ranked, filtered, sorted, exported.

import { valueOf } from "./card-risk.js";
import { h } from "./dom.js";
import { emptyBox, section } from "./manager-desk.js";
import { exports } from "./manager-export.js";
import { Scale, axis, bar, inRow, rule } from "./manager-figures.js";
import { filters } from "./manager-filters.js";
import { amount, count, percent } from "./manager-numbers.js";
import { scoring } from "./manager-run.js";
import { person, table } from "./manager-table.js";

const PAGE = 50;
const TOLD_DRIVERS = 2;
const BANDS = ["low", "medium", "high", "critical"];

export function watchlist(desk) {
  const { words } = desk;
  let asked = new URLSearchParams();
  const list = h("div", { class: "body" });
  const ask = (wanted) => {
    asked = wanted;
    refresh();
  };
  const refresh = () =>
    desk.fill(list, {
      load: () => firstPage(desk, asked),
      draw: (found) => drawn(desk, found, asked, refresh),
      lines: 14,
    });
  const saving = exports(desk, { name: "watchlist", forms: ["csv", "parquet"], path: () => `v1/watchlist?${asked}` });
  refresh();
  return [section(desk, "watchlist", h("div", { class: "toolbar" }, filters(words, ask), saving), list)];
}

function page(asked, cursor = null) {
  const query = new URLSearchParams([...asked, ["limit", PAGE], ...(cursor ? [["cursor", cursor]] : [])]);
  return `v1/watchlist?${query}`;
}

async function firstPage({ api }, asked) {
  const [found, schema] = await Promise.all([api.get(page(asked)), api.get("v1/feature-schema")]);
  const features = new Map(schema.features.map((feature) => [feature.name, feature]));
  return { ...found, features, bands: schema.bands };
}

function drawn(desk, found, asked, refresh) {
  const { words } = desk;
  if (!found.run) return emptyBox(words, "no-run", scoring(desk, words.say("manager.run.first"), refresh));
  const again = h("div", { class: "again" }, scoring(desk, words.say("manager.run.again"), refresh));
  const made = h("p", { class: "made" }, madeOf(found, words));
  if (!found.items.length) return [h("div", { class: "of-run" }, made, again), emptyBox(words, "nobody")];
  return [h("div", { class: "of-run" }, made, again), rows(desk, found, asked)];
}

function madeOf({ run, threshold }, words) {
  const places = { when: words.time(run.ended_at), ago: words.distance(run.ended_at), days: run.horizon_days };
  const of = { version: run.model.version, least: percent(words, threshold) };
  return [
    words.say("manager.made", { ...places, ...of }),
    run.model.label_note && h("span", { class: "note" }, ` ${run.model.label_note}`),
  ];
}

/** The table of what was loaded, and the way to more of it. */
function rows(desk, found, asked) {
  const { words } = desk;
  const items = found.items.map((item, number) => ({ ...item, rank: number + 1 }));
  const order = { name: null, direction: 1 };
  const place = h("div");
  const more = h("div", { class: "more" });
  drawTable();
  offer(found.next_cursor);
  return h("div", {}, place, more);

  function drawTable() {
    place.replaceChildren(
      table(words, { caption: words.say("manager.watchlist"), columns: columns(found, words), items, order }),
    );
  }

  function offer(cursor) {
    const told = h(
      "p",
      { role: "status" },
      words.say(cursor ? "manager.loaded" : "manager.loaded-all", { count: count(words, items.length) }),
    );
    const button = cursor && h("button", { type: "button", onclick: () => go(cursor) }, words.say("manager.more"));
    more.replaceChildren(...[told, button].filter(Boolean));
  }

  async function go(cursor) {
    await desk.fill(more, { load: () => desk.api.get(page(asked, cursor)), draw: added, lines: 1 });
    more.querySelector("button")?.focus();
  }

  function added(next) {
    const before = items.length;
    items.push(...next.items.map((item, number) => ({ ...item, rank: before + number + 1 })));
    drawTable();
    offer(next.next_cursor);
    return [...more.childNodes];
  }
}

function columns({ features, bands, run: { currency } }, words) {
  const scale = new Scale(0, 1);
  const limits = bands.filter((band) => band.from_probability > 0);
  return [
    { name: "who", label: words.say("manager.who"), cell: who, value: (item) => item.subscriber_id },
    {
      name: "rank",
      label: words.say("manager.rank"),
      kind: "number",
      cell: (item) => count(words, item.rank),
      value: (item) => item.rank,
    },
    {
      name: "probability",
      label: words.say("manager.probability"),
      kind: "wide",
      head: axis(scale, (value) => words.percent(value), [0, 0.5, 1]),
      cell: (item) => probability(item, scale, limits, words),
      value: (item) => -item.probability,
    },
    {
      name: "band",
      label: words.say("manager.band"),
      cell: (item) => h("span", { class: `tag ${item.band}` }, words.code("band", item.band)),
      value: (item) => -BANDS.indexOf(item.band),
    },
    {
      name: "why",
      label: words.say("manager.why"),
      kind: "text",
      cell: (item) => why(item, features, words),
      value: (item) => strongest(item)[0]?.feature ?? null,
    },
    {
      name: "next",
      label: words.say("manager.next"),
      kind: "text",
      cell: (item) => next(item, currency, words),
      value: (item) => (item.next_action ? -Number(item.next_action.expected_value) : null),
    },
    ...["region", "brand", "value_tier"].map((name) => ofProfile(name, words)),
  ];

  function who(item) {
    const old = item.stale && h("span", { class: "tag old", title: words.date(item.as_of) }, words.say("manager.old"));
    return [
      person(item.subscriber_id),
      old && " ",
      old,
    ];
  }
}

function ofProfile(name, words) {
  const kind = name === "value_tier" ? "tier" : name;
  const told = (item) => item[name] && (kind === "tier" ? words.code(kind, item[name]) : item[name]);
  return { name, label: words.say(`manager.${name}`), cell: (item) => told(item) ?? "", value: told };
}

function probability(item, scale, limits, words) {
  const told = percent(words, item.probability);
  const marks = limits.map((band) => rule(scale, band.from_probability, "limit"));
  return h(
    "div",
    { class: "with-figure" },
    inRow(told, bar(scale, 0, item.probability, item.band), marks),
    h("span", {}, told),
  );
}

/** What raises the risk most; if nothing does, what lowers it least comes to the same. */
function strongest(item) {
  return item.drivers.filter((driver) => driver.effect === "raises").slice(0, TOLD_DRIVERS);
}

function why(item, features, words) {
  const told = strongest(item).map((driver) => {
    const value = valueOf(driver.value, features.get(driver.feature), words);
    return h("li", {}, words.say("manager.driver", { name: words.code("feature", driver.feature), value }));
  });
  return told.length ? h("ul", {}, told) : words.say("manager.no-driver");
}

function next(item, currency, words) {
  const action = item.next_action;
  if (!action) return whyNone(item.none_because, words);
  const worth = words.say("manager.worth", { value: amount(words, action.expected_value, currency) });
  return [h("strong", {}, action.name), h("span", { class: "note" }, ` ${worth}`)];
}

/** The commonest reason; the others, which may be many, when they are asked for. */
function whyNone(because, words) {
  const [first, ...others] = because.split("; ");
  if (!others.length) return first;
  return [
    first,
    h(
      "details",
      {},
      h("summary", {}, words.say("manager.others", { count: words.number(others.length) })),
      others.join("; "),
    ),
  ];
}
