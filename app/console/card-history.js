// What happened and what is owed: the last recommendation, open matters, and the timeline.

import { h, panel } from "./dom.js";
import { readable } from "./words.js";

const LATELY_MS = 90 * 86_400_000;
const CODES = { status: "status", value_tier: "tier", lifecycle_stage: "lifecycle" };

/** What was last recommended, when, and what they said to it. */
export function lastRecommendation(last, words) {
  return panel("last", words.say("last.title"), recommended(last, words));
}

function recommended(last, words) {
  const what = last.name ?? words.say("last.nothing", { reason: last.none_because });
  const answer = last.feedback ? words.code("outcome", last.feedback) : words.say("last.waiting");
  return h(
    "p",
    {},
    h("strong", {}, what),
    h("span", { class: "when" }, ` ${words.list([words.time(last.decided_at), words.code("channel", last.channel)])} `),
    h("span", { class: `tag ${last.feedback ?? "waiting"}` }, answer),
    last.feedback_at && h("span", { class: "when" }, ` ${words.time(last.feedback_at)}`),
  );
}

/** What their profile has said for no longer than some months; null where nothing is new, or consent forbids to look. */
export function changes({ overview, versions, now }, words) {
  if (!("prompt" in overview)) return null;
  const isNew = (version, place) => place + 1 < versions.length && now - Date.parse(version.since) < LATELY_MS;
  const lines = versions.flatMap((version, place) =>
    isNew(version, place) ? version.changed.map((field) => changeLine(field, version, versions[place + 1], words)) : [],
  );
  if (lines.length === 0) return null;
  return panel("changes", words.say("changes.title"), h("ul", { class: "matters" }, lines));
}

function changeLine(name, { profile, since }, { profile: before }, words) {
  const told = (value) => valueOf(name, value, words);
  const isPlain = typeof profile[name] !== "object" || profile[name] === null;
  const places = { field: words.code("field", name), value: told(profile[name]), before: told(before[name]) };
  const text = words.say(isPlain ? "changes.line" : "changes.other", places);
  return h("li", {}, text, h("span", { class: "when" }, ` ${words.distance(since)}`));
}

function valueOf(field, value, words) {
  if (value === null) return words.say("changes.unset");
  return field in CODES ? words.code(CODES[field], value) : value;
}

/** Complaints, tasks, care and satisfaction; null where there is none of them. */
export function openMatters(overview, words) {
  const matters = [
    ...(overview.open_complaints ?? []).map((complaint) => complaintLine(complaint, words)),
    ...(overview.tasks ?? []).map((task) => taskLine(task, words)),
    overview.group?.at_risk_since && groupLine(overview.group, words),
    overview.pool && caseLine(overview.pool, words),
    overview.satisfaction && satisfactionLine(overview.satisfaction, words),
  ].filter(Boolean);
  if (matters.length === 0) return null;
  return panel("open", words.say("open.title"), h("ul", { class: "matters" }, matters));
}

function complaintLine(complaint, words) {
  const told = words.say("open.complaint", {
    type: words.code("complaint", complaint.type),
    severity: words.code("severity", complaint.severity),
    owner: complaint.owner,
    due: words.time(complaint.due_at),
  });
  return line(told, complaint.escalation !== "none", words, h("span", { class: "said" }, complaint.description));
}

function taskLine(task, words) {
  const places = { kind: words.code("task", task.kind), about: about(task.about, words), owner: task.owner };
  return line(words.say("open.task", { ...places, due: words.time(task.due_at) }), task.overdue, words);
}

function caseLine(pool, words) {
  const places = { stage: words.code("stage", pool.stage), owner: pool.owner, since: words.date(pool.opened_at) };
  return line(words.say("open.case", places), false, words);
}

function groupLine({ name, at_risk_since, owner }, words) {
  return line(words.say("open.group", { name, owner, since: words.date(at_risk_since) }), false, words);
}

function satisfactionLine(answer, words) {
  const mood = words.code("mood", answer.dissatisfied ? "dissatisfied" : "satisfied");
  return line(words.say("open.satisfaction", { mood, date: words.date(answer.answered_at) }), false, words);
}

function line(text, isLate, words, more = null) {
  return h("li", {}, text, isLate && h("span", { class: "tag late" }, words.say("open.late")), more);
}

/** Everything that happened, latest first; contacts in their own words as far as those are told. */
export function timeline({ overview, advice }, words) {
  const contacts = new Map((overview.last_contacts ?? []).map((contact) => [contact.id, contact]));
  const names = new Map((advice?.actions ?? []).map(({ code, name }) => [code, name]));
  const events = overview.timeline.map((event) => happened(event, contacts.get(event.id), names, words));
  return panel(
    "history",
    words.say("history.title"),
    events.length ? h("ol", { class: "events" }, events) : h("p", { class: "empty" }, words.say("history.none")),
  );
}

function happened(event, contact, names, words) {
  return h(
    "li",
    { class: event.kind },
    h("time", { datetime: event.at, title: words.time(event.at) }, words.distance(event.at)),
    h("span", { class: "what" }, h("strong", {}, words.code("event", event.kind)), ` ${aboutEvent(event, names, words)}`),
    contact && inTheirWords(contact, words),
  );
}

function aboutEvent(event, names, words) {
  if (event.kind.startsWith("case_")) return words.code("stage", event.about);
  if (event.kind.startsWith("complaint_")) return words.code("complaint", event.about);
  if (event.kind === "feedback") return words.list([about(event.about, words), actionName(event, names)]);
  if (event.kind === "recommendation" && event.action) return actionName(event, names);
  return about(event.about, words);
}

/** What an action is called, as far as it was just recommended. */
function actionName({ action }, names) {
  return names.get(action) ?? readable(action);
}

/** The word for a need, an outcome, a mood or an action, whichever it is. */
export function about(code, words) {
  const kinds = ["need", "outcome", "complaint", "mood"];
  const kind = kinds.find((candidate) => `${candidate}.${code}` in words.messages);
  return kind ? words.code(kind, code) : readable(code);
}

function inTheirWords(contact, words) {
  const told = [contact.reason, contact.request].filter(Boolean).join(" → ");
  const marks = [
    words.code("channel", contact.channel),
    words.say(`history.${contact.direction}`),
    contact.agent_id,
    contact.sentiment && words.code("mood", contact.sentiment),
  ];
  return h(
    "span",
    { class: "words" },
    told && h("q", {}, told),
    h("span", { class: "when" }, ` ${words.list(marks)}`),
  );
}
