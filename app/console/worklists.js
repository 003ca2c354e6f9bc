// What there is to do: likely leavers, one's own tasks, callbacks due. A list the key may not read is not there.

import { about } from "./card-history.js";
import { h } from "./dom.js";
import { moveFocus } from "./search.js";

const SHOWN = 12;

/** The lists as sections, in the order in which they are worked on. */
export async function worklists(api, agent, words) {
  const owner = agent ? `&owner=${encodeURIComponent(agent)}` : "";
  const [mine, tasks, overdue, due, leavers] = await Promise.all([
    agent && permitted(api, `v1/agents/${encodeURIComponent(agent)}/satisfaction`),
    permitted(api, `v1/tasks?status=open&limit=${SHOWN}${owner}`),
    permitted(api, `v1/callbacks?state=overdue&limit=${SHOWN}${owner}`),
    permitted(api, `v1/callbacks?state=due&limit=${SHOWN}${owner}`),
    permitted(api, `v1/watchlist?limit=${SHOWN}`),
  ]);
  const callbacks = overdue && due && [...overdue.items, ...due.items].slice(0, SHOWN);
  const others = tasks?.items.filter((task) => task.kind !== "callback");
  const whose = agent ?? words.say("page.everyone");
  return [
    mine?.responses > 0 && satisfaction(mine, words),
    leavers &&
      list(
        "leavers",
        null,
        leavers.items.map((leaver) => leaverLine(leaver, words)),
        words,
      ),
    others &&
      list(
        "tasks",
        whose,
        others.map((task) => taskLine(task, api, words)),
        words,
      ),
    callbacks &&
      list(
        "callbacks",
        whose,
        callbacks.map((task) => taskLine(task, api, words)),
        words,
      ),
  ].filter(Boolean);
}

/** How content those are whom this agent served: their own figure, seen by themselves. */
function satisfaction(mine, words) {
  const month = mine.responses_this_month > 0 ? mine.mean_this_month : mine.mean;
  const places = {
    mean: words.percent(month),
    count: words.number(mine.responses),
    low: words.percent(mine.low_share),
  };
  return h("p", { class: "mine" }, words.say("page.mine", places));
}

async function permitted(api, path) {
  try {
    return await api.get(path);
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

function list(name, whose, lines, words) {
  return h(
    "section",
    { class: `list ${name}`, "aria-labelledby": `list-${name}`, onkeydown: moved },
    h("h2", { id: `list-${name}` }, words.say(`page.${name}`), whose && h("span", { class: "whose" }, ` ${whose}`)),
    lines.length ? h("ul", {}, lines) : h("p", { class: "empty" }, words.say(`page.none.${name}`)),
  );
}

function moved(event) {
  moveFocus(event, [...event.currentTarget.querySelectorAll("a")]);
}

function leaverLine(leaver, words) {
  const [first] = leaver.drivers.filter((driver) => driver.effect === "raises");
  const next = leaver.next_action?.name ?? leaver.none_because;
  return entry(
    leaver.subscriber_id,
    h("strong", { class: leaver.band }, words.percent(leaver.probability)),
    [first && words.code("feature", first.feature), next].filter(Boolean).join(" → "),
  );
}

function taskLine(task, api, words) {
  const what = words.say("page.task", { kind: words.code("task", task.kind), about: about(task.about, words) });
  const when = words.say(task.overdue ? "page.overdue" : "page.due", { when: words.distance(task.due_at) });
  const item = entry(task.subscriber_id, h("span", { class: task.overdue ? "late" : "" }, when), what);
  item.append(doneButton(task, what, api, words));
  return item;
}

function doneButton(task, what, api, words) {
  const label = words.say("page.done.of", { what, id: task.subscriber_id });
  return h("button", { type: "button", class: "plain", "aria-label": label, onclick: done }, words.say("page.done"));

  async function done(event) {
    const button = event.currentTarget;
    button.setAttribute("aria-disabled", "true");
    try {
      await api.patch(`v1/tasks/${task.id}`, { status: "done" }, `"${task.version}"`);
      button.closest("li").remove();
    } catch {
      button.removeAttribute("aria-disabled");
      button.textContent = words.say("page.not-done");
    }
  }
}

function entry(id, mark, told) {
  return h(
    "li",
    {},
    h(
      "a",
      { href: `#${encodeURIComponent(id)}` },
      h("span", { class: "id" }, id),
      mark,
      h("span", { class: "told" }, told),
    ),
  );
}
