// Finding a subscriber by id or by phone. A phone goes in a body: addresses are written down by many.

import { stateOf } from "./card-state.js";
import { h } from "./dom.js";

/** `open` is called with the id that was chosen. */
export function search(api, open, words) {
  const input = h("input", {
    type: "search",
    name: "wanted",
    autocomplete: "off",
    "aria-label": words.say("page.find"),
    placeholder: words.say("page.find.hint"),
  });
  const results = h("ul", { class: "results", hidden: true });
  const status = h("p", { class: "hidden", role: "status" });
  const form = h(
    "form",
    { role: "search", onsubmit: submitted, onkeydown: moved },
    input,
    h("kbd", { "aria-hidden": "true" }, "/"),
    h("button", {}, words.say("page.search")),
    results,
    status,
  );
  return form;

  async function submitted(event) {
    event.preventDefault();
    const wanted = input.value.trim();
    if (!wanted) return;
    try {
      show(await found(api, wanted), wanted);
    } catch (error) {
      tell(words.say(`state.${stateOf(error)}`));
    }
  }

  function show(items, wanted) {
    const exact = items.find((item) => item.subscriber_id === wanted) ?? (items.length === 1 && items[0]);
    if (exact) return chosen(exact.subscriber_id);
    if (items.length === 0) return tell(words.say("page.nobody"));
    status.textContent = words.say("page.found", { count: items.length });
    const choose = (item) => () => chosen(item.subscriber_id);
    const lines = items.map((item) =>
      h("li", {}, h("button", { type: "button", onclick: choose(item) }, line(item, words))),
    );
    results.replaceChildren(...lines);
    results.hidden = false;
    return results.querySelector("button").focus();
  }

  function tell(sentence) {
    status.textContent = sentence;
    results.replaceChildren(h("li", { class: "empty" }, sentence));
    results.hidden = false;
  }

  function chosen(id) {
    results.hidden = true;
    status.textContent = "";
    input.value = "";
    open(id);
  }

  function moved(event) {
    if (event.key === "Escape") {
      results.hidden = true;
      input.focus();
    }
    if (!results.hidden) moveFocus(event, [input, ...results.querySelectorAll("button")]);
  }
}

/** Arrow keys move the focus along some elements. */
export function moveFocus(event, elements) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const next = step && elements[elements.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

async function found(api, wanted) {
  const phone = wanted.replace(/[\s()-]/g, "");
  try {
    const body = phone.startsWith("+") ? { phone } : { id_prefix: wanted };
    return (await api.ask("v1/subscribers/search", body)).items;
  } catch (error) {
    if (error.status === 422) return [];
    throw error;
  }
}

function line(item, words) {
  const facts = [
    item.contact?.name,
    item.contact?.phone,
    item.brand,
    item.value_tier && words.code("tier", item.value_tier),
    words.code("status", item.status),
  ];
  return [h("strong", {}, item.subscriber_id), ` ${facts.filter(Boolean).join(" · ")}`];
}
