// What to do now: up to three actions, each with the sentence to say, what it is worth and why, and its three answers.

import { h } from "./dom.js";
import { readable } from "./words.js";

// What the gauge and the bars beside it say better.
const IN_THE_BARS = /^churn risk | (raises|lowers) it$/;
const DECLINED_BECAUSE = ["price", "need", "competitor", "trust", "unsaid"];

/**
 * `advice` is a preview or a recorded decision; `answers` what was said to it by action; `chosen` the action whose keys
 * are shown; `does` what the buttons do: `begin()`, `answer(action, outcome, reason)`, `decline(code | null)`;
 * `names()` resolves to what actions are called.
 */
export function actions({ advice, answers, chosen, declining, isOutbound, notice }, does, words) {
  return h(
    "section",
    { class: "panel actions", "aria-labelledby": "act-title" },
    h("div", { class: "head" }, h("h3", { id: "act-title" }, words.say("act.title")), standing(advice, does, words)),
    notice && h("p", { class: "notice" }, words.say(notice)),
    isHeldOut(advice) && h("p", { class: "notice held" }, words.say("act.held")),
    advice.actions.length
      ? h(
          "ol",
          { class: "choices" },
          advice.actions.map((action) => choice(action)),
        )
      : none(advice, words),
    whyNot(advice, does, words),
  );

  function choice(action) {
    const isChosen = action.code === chosen;
    return h(
      "li",
      { class: `choice${isChosen ? " chosen" : ""}`, "data-action": action.code, tabindex: "-1" },
      h(
        "div",
        { class: "line" },
        h("h4", {}, h("kbd", {}, String(action.rank)), " ", action.name),
        h(
          "span",
          { class: "worth" },
          h("span", { class: "when" }, `${words.say("act.value")} `),
          h("strong", {}, words.money(action.expected_value, advice.currency)),
        ),
      ),
      h("q", { class: "say" }, action.say),
      reasons(action, advice.currency, words),
      answers.has(action.code)
        ? said(answers.get(action.code), words)
        : declining === action.code
          ? declineForm(action, does, words)
          : buttons(action, isChosen),
    );
  }

  function buttons(action, isChosen) {
    const button = (outcome, key, onclick) =>
      h(
        "button",
        { type: "button", class: isChosen && outcome === "accept" ? "main" : null, "data-outcome": outcome, onclick },
        words.say(`act.${outcome}`),
        isChosen && key && [" ", h("kbd", { "aria-hidden": "true" }, key)],
      );
    return h(
      "div",
      { class: "answers", role: "group", "aria-label": action.name },
      button("accept", "A", () => does.answer(action, "accepted")),
      button("decline", "D", () => does.decline(action.code)),
      button("later", "L", () => does.answer(action, "later")),
      isOutbound && button("no_response", null, () => does.answer(action, "no_response")),
    );
  }
}

/** Whether a consent forbids all of it: then nothing is said of it, not even that. */
export function isForbidden(advice) {
  return advice.trace.length > 0 && advice.trace.every((entry) => entry.code === "NO_PROFILING");
}

function standing(advice, does, words) {
  if (advice.decision_id) {
    return h("span", { class: "when" }, words.say("act.recorded", { time: words.time(advice.decided_at) }));
  }
  return h(
    "span",
    { class: "begin" },
    h("span", { class: "when" }, words.say("act.preview")),
    h(
      "button",
      { type: "button", "data-does": "begin", title: words.say("act.begin.hint"), onclick: does.begin },
      words.say("act.begin"),
      " ",
      h("kbd", { "aria-hidden": "true" }, "B"),
    ),
  );
}

function isHeldOut(advice) {
  return advice.arm === "holdout" || advice.trace.some((entry) => entry.code === "HELD_OUT");
}

function none(advice, words) {
  return h(
    "p",
    { class: "empty" },
    h("strong", {}, words.say("act.none")),
    h("span", {}, ` ${mostly(advice, words)} `),
    words.say("act.none.next"),
  );
}

/** The reason that keeps most of them back. */
function mostly(advice, words) {
  const times = new Map();
  for (const { code } of advice.trace) times.set(code, (times.get(code) ?? 0) + 1);
  const [most] = [...times].sort(([, one], [, other]) => other - one)[0] ?? [];
  return most ? words.say("act.none.mostly", { reason: words.code("gate", most) }) : "";
}

function reasons(action, currency, words) {
  const points = (share) => words.number(Math.round(share * 1000) / 10);
  const [low, high] = action.uplift_interval;
  const money = (amount) => words.money(amount, currency);
  const [least, most] = action.value_interval.length ? action.value_interval : [null, null];
  const told = [
    words.say("act.keep", { margin: money(action.retained_margin) }),
    words.say("act.take", { share: words.percent(action.p_accept) }),
    words.say("act.cost", {
      contact: money(action.contact_cost),
      accept: money(action.accept_cost),
      dilution: money(action.dilution),
    }),
    least !== null && words.say("act.range", { low: money(least), high: money(most) }),
    words.say(action.uplift_source === "learned" ? "act.learned" : "act.prior"),
    ...action.because.filter((reason) => !IN_THE_BARS.test(reason)),
  ];
  const uplift = { points: points(action.uplift), low: points(low), high: points(high), days: action.horizon_days };
  return h(
    "details",
    { class: "why" },
    h("summary", {}, h("span", {}, words.say("act.uplift", uplift))),
    h(
      "ul",
      {},
      told.filter(Boolean).map((reason) => h("li", {}, reason)),
    ),
  );
}

function said(outcome, words) {
  return h("p", { class: `tag ${outcome} answered` }, words.code("outcome", outcome));
}

function declineForm(action, does, words) {
  const heard = h("input", {
    name: "words",
    maxlength: "500",
    "aria-label": words.say("act.words"),
    placeholder: words.say("act.words"),
    onkeydown: entered,
  });
  const decline = (because) => {
    const named = because === "unsaid" ? "" : words.say(`decline.${because}`);
    does.answer(action, "declined", [named, heard.value.trim()].filter(Boolean).join(": ") || undefined);
  };
  return h(
    "div",
    { class: "declining", role: "group", "aria-label": words.say("act.why-decline") },
    h("span", { class: "ask" }, words.say("act.why-decline")),
    heard,
    DECLINED_BECAUSE.map((because) =>
      h(
        "button",
        { type: "button", "data-because": because, onclick: () => decline(because) },
        words.say(`decline.${because}`),
      ),
    ),
    h("button", { type: "button", class: "plain", onclick: () => does.decline(null) }, words.say("act.cancel")),
  );

  /** What was typed stands for itself: no reason has to be chosen besides. */
  function entered(event) {
    if (event.key === "Enter") decline("unsaid");
    else if (event.key === "Escape") does.decline(null);
    else return;
    event.preventDefault();
  }
}

function whyNot(advice, does, words) {
  const removed = advice.trace.filter((entry) => entry.verdict === "removed");
  if (removed.length === 0) return null;
  const lines = removed.map((entry) => removal(entry, words));
  return h(
    "details",
    { class: "whynot", ontoggle: named },
    h("summary", {}, words.say("act.whynot", { count: removed.length })),
    h("ul", {}, lines),
  );

  /** The catalogue's names are asked for by whoever looks. */
  async function named() {
    const names = await does.names();
    for (const [at, { action }] of removed.entries()) {
      lines[at].firstElementChild.textContent = names.get(action) ?? readable(action);
    }
  }
}

/** In the reader's words; the exact reason, which is in the operator's, is for whoever reads the decision itself. */
function removal(entry, words) {
  const free = entry.free_again_at && ` (${words.say("act.free", { when: words.time(entry.free_again_at) })})`;
  return h(
    "li",
    {},
    h("span", { class: "name" }, readable(entry.action)),
    h("span", {}, words.code("gate", entry.code), free),
  );
}
