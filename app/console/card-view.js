// What a card looks like at a time: its parts put together in a shadow root, each drawn again where it has changed.

import { actions, isForbidden } from "./card-actions.js";
import { identity } from "./card-head.js";
import { changes, lastRecommendation, openMatters, timeline } from "./card-history.js";
import { callLog } from "./card-log.js";
import { risk, unknownRisk } from "./card-risk.js";
import { skeleton, stateBox } from "./card-state.js";
import { h } from "./dom.js";

const DAY_MS = 86_400_000;
const HEARD_MS = 8_000;

export class CardView {
  chosen = null; // the action whose keys are shown
  declining = null; // the action whose reason is being asked for
  notice = null;
  #parts = null;
  #silence = null;

  /** `does` is what buttons and forms do: `begin`, `answer`, `decline`, `log`, `names`. */
  constructor(root, does, words) {
    this.root = root;
    this.does = does;
    this.words = words;
  }

  /** Whether there are facts on it, or still something in their place. */
  get isFull() {
    return this.#parts !== null;
  }

  show(conversation) {
    const isFirst = !this.isFull;
    this.#parts ??= this.#frame();
    const { overview, knowledge } = conversation;
    const words = this.words;
    const likely = overview.score ? risk(overview.score, knowledge, words) : overview.isUnknown && unknownRisk(words);
    const last = overview.last_recommendation;
    const left = [
      likely,
      last && lastRecommendation(last, words),
      openMatters(overview, words),
      changes(conversation, words),
      timeline(conversation, words),
    ];
    this.#parts.person.replaceChildren(identity(overview, words));
    this.#parts.left.replaceChildren(...left.filter(Boolean));
    this.#parts.stale.replaceChildren(...this.#stale(conversation));
    this.showActions(conversation);
    if (isFirst) performance.mark("churn-card:shown");
  }

  /** The form is made once: what is typed stays while everything around it is drawn again. */
  #frame() {
    const { words } = this;
    const names = ["stale", "person", "left", "right", "advised"];
    const [stale, person, left, right, advised] = names.map((name) => h("div", { class: name }));
    const trouble = h("div", { class: "trouble", role: "alert" });
    const heard = h("p", { class: "heard", role: "status" });
    right.append(advised, callLog(this.does.log, words));
    const columns = h("div", { class: "columns" }, left, right);
    const article = h("article", { class: "card", lang: words.language }, trouble, stale, person, columns, heard);
    this.root.replaceChildren(article);
    return { article, stale, person, left, advised, trouble, heard };
  }

  showActions({ advice, answers, direction }) {
    if (!advice || isForbidden(advice)) return this.#parts.advised.replaceChildren();
    if (!advice.actions.some(({ code }) => code === this.chosen)) this.chosen = advice.actions[0]?.code ?? null;
    const { chosen, declining, notice } = this;
    const shown = { advice, answers, chosen, declining, notice, isOutbound: direction === "outbound" };
    return this.#parts.advised.replaceChildren(actions(shown, this.does, this.words));
  }

  /** Says what is the matter, in place of the facts while there are none, else over them. */
  showState(state, told) {
    const box = state && stateBox(state, told, this.words);
    if (this.isFull) return this.#parts.trouble.replaceChildren(...(box ? [box] : []));
    const attributes = { class: "card", lang: this.words.language, "aria-busy": box ? null : "true" };
    return this.root.replaceChildren(h("article", attributes, box ?? skeleton(told.id, this.words)));
  }

  #stale({ overview, now }) {
    const { score } = overview;
    if (!score?.stale) return [];
    const days = Math.floor((now - Date.parse(score.as_of)) / DAY_MS);
    const told = this.words.say("state.stale", { days, date: this.words.date(score.as_of) });
    return [h("p", { class: "state stale" }, told)];
  }

  set isBusy(isBusy) {
    this.#parts.article.toggleAttribute("aria-busy", false);
    if (isBusy) this.#parts.article.setAttribute("aria-busy", "true");
  }

  /** Says that something was done; those who listen to the screen hear it. */
  announce(name) {
    const { heard } = this.#parts;
    heard.textContent = this.words.say(name);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => (heard.textContent = ""), HEARD_MS);
  }

  focusChoice(code, inside = null) {
    const choice = this.root.querySelector(`[data-action="${code}"]`);
    (inside ? choice?.querySelector(inside) : choice)?.focus();
  }

  /** What was typed so far. */
  get typed() {
    return new FormData(this.#form);
  }

  set typed(typed) {
    for (const [name, value] of typed) this.#form.elements[name].value = value;
  }

  get #form() {
    return this.root.querySelector("form.log");
  }

  focusLog() {
    this.root.querySelector(".logging textarea").focus();
  }

  toggleWhyNot() {
    this.root.querySelector(".whynot")?.toggleAttribute("open");
  }
}
