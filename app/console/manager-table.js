// Tables that scroll in a room of their own, sort by a column, and turn into cards where it is narrow.

import { h } from "./dom.js";
import { replaced } from "./manager-desk.js";

/**
 * `columns` are {name, label, cell, value?, head?, kind?}: `cell` makes what is shown of an item, `value` what it is
 * sorted by, `head` stands below the label, `kind` is a class such as "number". `order` is kept by whoever asks.
 */
export function table(words, { caption, columns, items, order = null, rowClass = () => null }) {
  const body = h("tbody", { role: "rowgroup" });
  const heads = columns.map((column) => head(column, order, sortBy));
  const row = h("tr", { role: "row" }, heads);
  drawRows();
  const whole = h(
    "table",
    { role: "table" },
    h("caption", { class: "hidden" }, caption),
    h("thead", { role: "rowgroup" }, row),
    body,
  );
  return h("div", { class: "scroller", role: "group", tabindex: "0", "aria-label": caption }, whole);

  function sortBy(name) {
    order.direction = order.name === name ? -order.direction : 1;
    order.name = name;
    for (const [number, column] of columns.entries()) tellOrder(heads[number], column, order);
    drawRows();
  }

  function drawRows() {
    body.replaceChildren(...sorted(items, columns, order, words).map((item) => line(item, columns, rowClass(item))));
  }
}

/** Shows the first ones, and the others when asked to; `draw` makes a table of some. */
export function shortened(words, items, draw, shown) {
  const place = h("div", {}, draw(items.slice(0, shown)));
  if (items.length <= shown) return place;
  const told = words.say("manager.all", { count: words.number(items.length) });
  const all = h("button", { type: "button", onclick: () => replaced(place, [draw(items)]) }, told);
  place.append(h("div", { class: "more" }, all));
  return place;
}

/** Somebody's id, as the way to the agent's page about them. */
export function person(id) {
  return h("a", { class: "id", href: `./#${encodeURIComponent(id)}` }, id);
}

/** Says of a list that it holds only the latest. */
export function cutNote(words, isCut, most) {
  return isCut && h("p", { class: "note" }, words.say("manager.cut", { count: words.number(most) }));
}

function head(column, order, sortBy) {
  const label = order && column.value ? sortButton(column, sortBy) : column.label;
  const cell = h("th", { role: "columnheader", scope: "col", class: column.kind }, label, column.head);
  tellOrder(cell, column, order);
  return cell;
}

function sortButton(column, sortBy) {
  return h("button", { type: "button", class: "sort", onclick: () => sortBy(column.name) }, column.label);
}

function tellOrder(cell, column, order) {
  if (!order || order.name !== column.name) cell.removeAttribute("aria-sort");
  else cell.setAttribute("aria-sort", order.direction > 0 ? "ascending" : "descending");
}

function line(item, columns, rowClass) {
  const cells = columns.map((column, number) => {
    const attributes = { role: number ? "cell" : "rowheader", class: column.kind, "data-label": column.label };
    const content = h("div", {}, column.cell(item));
    return number ? h("td", attributes, content) : h("th", { ...attributes, scope: "row" }, content);
  });
  return h("tr", { role: "row", class: rowClass }, cells);
}

/** What is not known comes last, whichever way it is sorted. */
function sorted(items, columns, order, words) {
  const column = order?.name && columns.find(({ name }) => name === order.name);
  if (!column) return items;
  const known = items.filter((item) => column.value(item) !== null);
  const unknown = items.filter((item) => column.value(item) === null);
  const compared = (one, other) => order.direction * compare(column.value(one), column.value(other), words);
  return [...known.toSorted(compared), ...unknown];
}

function compare(one, other, words) {
  if (typeof one === "string") return one.localeCompare(other, words.language, { numeric: true });
  return one - other;
}
