// Groups that may leave: what shows it, what would be lost with them, and what is done for each as a whole.

import { h, svg } from "./dom.js";
import { emptyBox, missingScope, part, replaced, section } from "./manager-desk.js";
import { Scale, dot, inRow, key, tiles } from "./manager-figures.js";
import { UNKNOWN, amount, change, count, decimal, percent } from "./manager-numbers.js";
import { everything } from "./manager-pages.js";
import { shortened, table } from "./manager-table.js";

const MOST = 200;
const SHOWN = 10;
const RESULTS = ["kept", "left", "false_alarm"];
const DIGITS = { forwarding: 1, bill: 0, offnet: 2 };

export function groups(desk) {
  const of = (state) => () => everything(desk.api, `v1/warnings?open=${state}`, MOST);
  const ended = h("div", { class: "body" });
  const tell = () =>
    desk.fill(ended, { load: of(false), draw: (found) => warned(found.items, desk.words), lines: 5 });
  tell();
  return [
    part(desk, "at-risk", { load: of(true), draw: (found) => atRisk(desk, found.items, tell), lines: 12 }),
    section(desk, "warned", ended),
  ];
}

function atRisk(desk, items, closed) {
  const { words } = desk;
  if (!items.length) return emptyBox(words, "no-warning");
  const sum = items.reduce((total, { severity }) => total + Number(severity ?? 0), 0);
  const told = { count: count(words, items.length), revenue: amount(words, sum, items[0].currency) };
  const draw = (some) => h("div", { class: "groups" }, some.map((warning) => groupCard(desk, warning, closed)));
  return [h("p", { class: "made" }, words.say("manager.at-risk.told", told)), shortened(words, items, draw, SHOWN)];
}

/** One group, which changes in its place; `ended` is called when its warning is closed. */
function groupCard(desk, first, ended) {
  const place = h("article", { class: "group", "aria-labelledby": `group-${first.id}` });
  place.append(...shown(first));
  return place;

  function shown(warning) {
    const { words } = desk;
    const told = h("p", { class: "told", role: "status" });
    const write = async (changes) => {
      try {
        const path = `v1/warnings/${warning.id}`;
        const changed = await desk.api.patch(path, changes, `"${warning.version}"`);
        replaced(place, shown(changed).filter(Boolean));
        if (changed.closed_at) ended();
      } catch (error) {
        told.textContent =
          error.status === 403
            ? words.say("manager.trouble.forbidden.next", { scope: missingScope(error) })
            : error.message;
      }
    };
    const heading = h("h3", { id: `group-${warning.id}` }, warning.name, " ");
    heading.append(h("span", { class: "id" }, warning.group_id));
    return [
      heading,
      figures(warning, words),
      h(
        "div",
        { class: "side-by-side" },
        warning.signals.length > 0 && signals(warning, words),
        h("div", {}, playbook(warning, write, words), warning.closed_at ? closed(warning, words) : closing(write, words)),
      ),
      told,
    ];
  }
}

function figures(warning, words) {
  const seen = words.say(`manager.source.${warning.source}`);
  return tiles([
    [words.say("manager.revenue"), warning.severity === null ? UNKNOWN : amount(words, warning.severity, warning.currency)],
    [words.say("manager.group-members"), count(words, warning.member_count)],
    [words.say("manager.warned-since"), words.date(warning.opened_at), seen],
    [words.say("manager.owner"), warning.owner],
  ]);
}

function signals({ name, signals: items, as_of }, words) {
  const number = (part) => ({
    name: part,
    label: words.say(`manager.signal.${part}`),
    kind: "number",
    cell: (item) => decimal(words, item[part], DIGITS[item.signal]),
  });
  const columns = [
    { name: "signal", label: words.say("manager.signal"), cell: ({ signal }) => words.say(`manager.signal.${signal}`) },
    { name: "figure", label: words.say("manager.signal.change"), kind: "wide", cell: (item) => moved(item, words) },
    number("before"),
    number("after"),
    {
      name: "change",
      label: words.say("manager.signal.by"),
      kind: "number",
      cell: ({ before, after }) => (before ? change(words, after / before) : UNKNOWN),
    },
  ];
  const caption = words.say("manager.signals", { name, date: words.date(as_of) });
  const legend = key([
    ["beaten", words.say("manager.signal.before")],
    ["best", words.say("manager.signal.after")],
  ]);
  return h("div", { class: "block" }, legend, table(words, { caption, columns, items }));
}

/** From where to where a figure moved, from nothing to the larger of both. */
function moved({ signal, before, after }, words) {
  const scale = new Scale(0, Math.max(before, after));
  const digits = DIGITS[signal];
  const told = words.say("manager.signal.spoken", {
    before: decimal(words, before, digits),
    after: decimal(words, after, digits),
  });
  const way = svg("line", { class: "rule", x1: scale.at(before), x2: scale.at(after), y1: 10, y2: 10 });
  return inRow(told, way, dot(scale, before, "beaten"), dot(scale, after, "best"));
}

function playbook({ name, playbook: measures, closed_at }, write, words) {
  const done = measures.filter((measure) => measure.done_at).length;
  const told = words.say("manager.playbook.told", { done: count(words, done), all: count(words, measures.length) });
  return h(
    "div",
    { class: "block" },
    h("h4", {}, words.say("manager.playbook"), h("span", { class: "note" }, ` ${told}`)),
    h(
      "ol",
      { class: "playbook" },
      measures.map((item) => h("li", {}, measureLine(item, name, closed_at === null && write, words))),
    ),
  );
}

function measureLine({ measure, due_at, done_at }, name, write, words) {
  const what = words.say(`manager.measure.${measure}`);
  if (done_at) return [what, h("span", { class: "tag met-yes" }, words.say("manager.done", { on: words.date(done_at) }))];
  const late = new Date(due_at) < Date.now();
  const due = words.say("manager.due-by", { on: words.date(due_at) });
  const attributes = { type: "button", "aria-label": words.say("manager.done.of", { what, name }) };
  const tick = () => write({ done: [measure] });
  return [
    what,
    h("span", { class: late ? "tag late" : "note" }, due),
    write && h("button", { ...attributes, onclick: tick }, words.say("manager.done.now")),
  ];
}

function closing(write, words) {
  const choice = h(
    "select",
    { name: "result", required: true },
    h("option", { value: "" }, words.say("manager.result.choose")),
    RESULTS.map((result) => h("option", { value: result }, words.say(`manager.result.${result}`))),
  );
  const close = (event) => {
    event.preventDefault();
    write({ result: choice.value });
  };
  return h(
    "form",
    { class: "filters block", onsubmit: close },
    h("label", {}, words.say("manager.result"), choice),
    h("button", { type: "submit" }, words.say("manager.close")),
  );
}

function closed({ result, closed_at }, words) {
  const told = words.say("manager.closed", { result: words.say(`manager.result.${result}`), on: words.date(closed_at) });
  return h("p", { class: "made" }, told);
}

/** How those ended that are closed: too many false alarms, and nobody heeds the next one. */
function warned(items, words) {
  if (!items.length) return emptyBox(words, "none-warned");
  const of = (result) => items.filter((item) => item.result === result).length;
  const columns = [
    { name: "name", label: words.say("manager.group"), kind: "text", cell: (item) => item.name },
    {
      name: "severity",
      label: words.say("manager.revenue"),
      kind: "number",
      cell: (item) => (item.severity === null ? UNKNOWN : amount(words, item.severity, item.currency)),
    },
    { name: "opened", label: words.say("manager.warned-since"), cell: (item) => words.date(item.opened_at) },
    { name: "closed", label: words.say("manager.closed-on"), cell: (item) => words.date(item.closed_at) },
    {
      name: "result",
      label: words.say("manager.result"),
      cell: (item) => h("span", { class: "tag" }, words.say(`manager.result.${item.result}`)),
    },
    { name: "owner", label: words.say("manager.owner"), cell: (item) => item.owner },
  ];
  const numbers = RESULTS.map((result) => {
    const share = percent(words, of(result) / items.length, 0);
    return [words.say(`manager.result.${result}`), count(words, of(result)), share];
  });
  const draw = (some) => table(words, { caption: words.say("manager.warned"), columns, items: some });
  return [tiles(numbers), shortened(words, items, draw, SHOWN)];
}
