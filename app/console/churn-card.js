// <churn-card subscriber="490">: everything an agent needs about one person while the phone rings.
//
// It uses the public API only, finds it where this file came from, and looks the same alone, in a frame, and by a
// script tag in somebody else's page. Its token is a property and never an attribute: attributes are seen by all.

import { Api } from "./api.js";
import { actions, isForbidden } from "./card-actions.js";
import { identity } from "./card-head.js";
import { lastRecommendation, openMatters, timeline } from "./card-history.js";
import { callLog } from "./card-log.js";
import { risk, unknownRisk } from "./card-risk.js";
import { skeleton, stateBox, stateOf } from "./card-state.js";
import { h, stylesheets } from "./dom.js";
import { Patience } from "./patience.js";
import { Words } from "./words.js";

const SERVICE = new URL("..", import.meta.url);
const SHEETS = stylesheets("theme.css", "card.css");
const TOUCHPOINTS = { call: "hotline", shop: "shop_counter", app: "app_selfcare", web: "web_selfcare", sms: "sms_notice" };
const DAY_MS = 86_400_000;

/** What was being waited for is no longer wanted: another subscriber was opened meanwhile. */
class Superseded extends Error {}

class ChurnCard extends HTMLElement {
  static observedAttributes = ["subscriber", "channel", "direction", "live", "lang"];

  #root = this.attachShadow({ mode: "open" });
  #api = new Api(SERVICE, () => this.#needToken());
  #words = null;
  #turn = 0;
  #scheduled = false;
  #styled = false;
  #parts = null;
  #overview = null;
  #advice = null;
  #dictionary = { dictionary: new Map(), bands: [] };
  #answers = new Map();
  #chosen = null;
  #declining = null;
  #notice = null;
  #trouble = null;
  #isExpired = false;
  #busy = 0;
  #deciding = null;
  #patience = new Patience();
  #clockAhead = 0;

  constructor() {
    super();
    // A token that was set before this file had arrived lies on the element itself, in front of the property.
    if (!Object.hasOwn(this, "token")) return;
    const early = this.token;
    delete this.token;
    this.token = early;
  }

  /** The bearer token of the API: one of `POST /v1/console-tokens`, or a key. Set another when it has expired. */
  get token() {
    return this.#api.token;
  }

  set token(token) {
    const was = this.#isExpired;
    this.#isExpired = false;
    this.#api.token = token;
    if (!this.isConnected) return;
    // What one token may not see another may: they are each for one subscriber.
    if (this.#trouble && !this.#parts) this.#schedule();
    else if (was) this.#drawState();
  }

  /** Asks for everything again, and keeps what was typed. */
  refresh() {
    return this.#busy === this.#turn || !this.#overview ? undefined : this.#quietly(() => this.#load(this.#turn));
  }

  connectedCallback() {
    window.addEventListener("online", this);
    window.addEventListener("offline", this);
    this.#root.addEventListener("keydown", this);
    this.#schedule();
  }

  disconnectedCallback() {
    window.removeEventListener("online", this);
    window.removeEventListener("offline", this);
    this.#root.removeEventListener("keydown", this);
    this.#turn += 1;
    this.#patience.wake();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    // The call begins or ends while the card is open: nothing that was typed is lost over it.
    if (name !== "live" || !this.#parts) this.#schedule();
    else if (after !== null && this.#advice && !this.#advice.decision_id) this.#begin();
  }

  handleEvent(event) {
    if (event.type === "keydown") this.#pressed(event);
    if (event.type === "online") this.#patience.wake();
    if (event.type === "offline" || event.type === "online") this.#drawState();
  }

  /** Several attributes that change together open the card once. */
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.isConnected) this.#quietly(() => this.#open());
    });
  }

  async #open() {
    this.#turn += 1;
    const turn = this.#turn;
    this.#patience.wake();
    this.#overview = this.#advice = this.#parts = this.#trouble = this.#chosen = this.#declining = this.#notice = null;
    this.#answers = new Map();
    this.#deciding = null;
    this.#words = new Words(this.closest("[lang]")?.lang || navigator.language);
    await this.#dress();
    if (turn !== this.#turn) return;
    this.#drawState();
    if (this.subscriber) await this.#load(turn);
  }

  /** Nothing is drawn before it is styled. */
  async #dress() {
    if (this.#styled) return;
    this.#root.adoptedStyleSheets = await SHEETS;
    this.#styled = true;
  }

  get subscriber() {
    return this.getAttribute("subscriber");
  }

  get #path() {
    return `v1/subscribers/${encodeURIComponent(this.subscriber)}`;
  }

  get #channel() {
    return this.getAttribute("channel") ?? "call";
  }

  get #direction() {
    return this.getAttribute("direction") ?? "inbound";
  }

  async #load(turn) {
    const wanted = () => allOf(this.#api.get(`${this.#path}/overview`), this.#advise(), learn(this.#api));
    const asked = Date.now();
    const [overview, advice, dictionary] = await this.#reading(turn, wanted);
    this.#clockAhead = Date.parse(overview.at) - (asked + Date.now()) / 2; // ours may be wrong: theirs judges what we say
    this.#dictionary = dictionary;
    await this.#tellUnknown(turn, overview);
    this.#show(overview, advice);
  }

  /** A score may be missing because nothing is known, which is said, or because it may not be told, which is not. */
  async #tellUnknown(turn, overview) {
    if (overview.score) return;
    const person = await this.#reading(turn, () => optional(this.#api.get(this.#path)));
    const refuses = ["all", "profiling"].some((purpose) => person?.consents[purpose] === false);
    overview.isUnknown = Boolean(person) && !refuses && person.latest_snapshot === null;
  }

  /** While somebody is there what is recommended is recorded, for those who are held out as well; else it is a preview. */
  #advise() {
    if (this.#advice?.decision_id) return this.#advice;
    if (this.hasAttribute("live")) return this.#decide();
    return optional(this.#api.get(`${this.#path}/next-best-actions?channel=${this.#channel}&direction=${this.#direction}`));
  }

  /** One intention until it has succeeded: it may be sent often and is recorded once. */
  async #decide() {
    const question = { subscriber_id: this.subscriber, channel: this.#channel, direction: this.#direction };
    this.#deciding ??= this.#api.intend("v1/decisions?trace=full", question);
    const decision = await optional(this.#deciding.send());
    this.#deciding = null;
    if (decision) this.#tell("churn-decision", { decision_id: decision.decision_id, arm: decision.arm, actions: decision.actions.map(({ code }) => code) });
    return decision;
  }

  /** Reads what is shown; it is waited for as long as this subscriber is. */
  #reading(turn, work) {
    return this.#patiently(turn, work, () => this.#require(turn));
  }

  /** Writes what was said: it is tried until it is recorded, even if somebody else is on the screen by then. */
  #writing(work) {
    return this.#patiently(this.#turn, work, () => {});
  }

  async #patiently(turn, work, goOn) {
    const trouble = (error) => {
      if (turn !== this.#turn) return;
      this.#trouble = error;
      this.#drawState();
    };
    const done = await this.#patience.until(work, { goOn, trouble });
    this.#require(turn);
    this.#trouble = null;
    this.#drawState();
    return done;
  }

  #require(turn) {
    if (turn !== this.#turn) throw new Superseded();
  }

  /** Work whose failure is told by the card itself. */
  async #quietly(work) {
    const turn = this.#turn;
    try {
      await work();
    } catch (error) {
      if (error instanceof Superseded) return;
      this.#trouble = error;
      this.#drawState();
    }
  }

  /** One thing at a time: a second press of a button does nothing while the first is on its way. */
  async #busily(work) {
    if (this.#busy === this.#turn) return;
    const turn = (this.#busy = this.#turn);
    const { article } = this.#parts;
    article.setAttribute("aria-busy", "true");
    await this.#quietly(work);
    article.removeAttribute("aria-busy");
    if (this.#busy === turn) this.#busy = 0;
  }

  #needToken() {
    this.#isExpired = true;
    this.#drawState();
    this.#tell("churn-token-needed", {});
  }

  #tell(name, detail) {
    const told = { ...detail, subscriber_id: this.subscriber };
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail: told }));
  }

  // What it looks like.

  #show(overview, advice) {
    this.#overview = overview;
    this.#advice = advice;
    const isNew = this.#parts === null;
    this.#parts ??= this.#frame();
    const { who, left } = this.#parts;
    const words = this.#words;
    who.replaceChildren(identity(overview, words));
    const likely = overview.score ? risk(overview.score, this.#dictionary, words) : overview.isUnknown && unknownRisk(words);
    const last = overview.last_recommendation;
    const parts = [
      likely,
      last && lastRecommendation(last, words),
      openMatters(overview, words),
      timeline(overview, words),
    ];
    left.replaceChildren(...parts.filter(Boolean));
    this.#drawActions();
    this.#drawState();
    if (isNew) performance.mark("churn-card:shown");
  }

  #frame() {
    const [state, who, left, right, advised] = Array.from({ length: 5 }, () => h("div"));
    const heard = h("p", { class: "hidden", role: "status" });
    left.className = "left";
    right.className = "right";
    right.append(advised, callLog((answers) => this.#log(answers), this.#words));
    const article = h("article", { class: "card", lang: this.#words.language }, state, who, h("div", { class: "columns" }, left, right), heard);
    this.#root.replaceChildren(article);
    return { article, state, who, left, advised, heard };
  }

  #drawActions() {
    const advice = this.#advice;
    if (!advice || isForbidden(advice)) return this.#parts.advised.replaceChildren();
    this.#chosen ??= advice.actions[0]?.code ?? null;
    const shown = {
      advice,
      answers: this.#answers,
      chosen: this.#chosen,
      declining: this.#declining,
      isOutbound: this.#direction === "outbound",
      notice: this.#notice,
    };
    const does = {
      begin: () => this.#begin(),
      answer: (action, outcome, reason) => this.#answer(action, outcome, reason),
      decline: (code) => this.#askWhy(code),
    };
    return this.#parts.advised.replaceChildren(actions(shown, does, this.#words));
  }

  /** Says what is the matter, in place of the card while there is none, else above it. */
  #drawState() {
    if (!this.#styled) return;
    const state = this.#state();
    const told = state && stateBox(state, { id: this.subscriber, error: this.#trouble, retry: this.#retry() }, this.#words);
    if (this.#parts) return this.#parts.state.replaceChildren(...[told, this.#stale()].filter(Boolean));
    const inside = told ?? skeleton(this.subscriber, this.#words);
    const article = h("article", { class: "card", lang: this.#words.language, "aria-busy": told ? null : "true" }, inside);
    return this.#root.replaceChildren(article);
  }

  #state() {
    if (!this.subscriber) return "nobody";
    if (this.#isExpired) return this.#parts ? "expired" : "waiting";
    if (this.#trouble) return stateOf(this.#trouble);
    return this.#parts && !navigator.onLine ? "offline" : null;
  }

  #retry() {
    if (!this.#trouble || this.#isExpired) return null;
    if (this.#trouble.isTemporary) return () => this.#patience.wake();
    return this.#parts || stateOf(this.#trouble) !== "error" ? null : () => this.#schedule();
  }

  #stale() {
    const score = this.#overview?.score;
    if (!score?.stale) return null;
    const days = Math.floor((this.#now() - Date.parse(score.as_of)) / DAY_MS);
    return h("p", { class: "state stale" }, this.#words.say("state.stale", { days, date: this.#words.date(score.as_of) }));
  }

  #announce(name) {
    this.#parts.heard.textContent = this.#words.say(name);
  }

  // What it does.

  #now() {
    return Date.now() + this.#clockAhead;
  }

  #begin() {
    return this.#busily(async () => {
      await this.#decided();
      this.#drawActions();
      this.#announce("said.decided");
    });
  }

  /** The recorded decision: made now if there was but a preview. */
  async #decided() {
    if (!this.#advice.decision_id) {
      const decision = await this.#writing(() => this.#decide());
      if (!decision) throw new Error("this key may not record decisions");
      this.#advice = decision;
      this.#chosen = null;
    }
    return this.#advice;
  }

  #answer(action, outcome, reason) {
    return this.#busily(async () => {
      const decision = await this.#decided();
      this.#declining = null;
      if (!decision.actions.some(({ code }) => code === action.code)) {
        this.#notice = "act.again";
        this.#drawActions();
        return;
      }
      const now = new Date(this.#now());
      const at = now > new Date(decision.decided_at) ? now.toISOString() : decision.decided_at;
      const said = { action: action.code, outcome, occurred_at: at, ...(reason ? { reason } : {}) };
      const recording = this.#api.intend(`v1/decisions/${decision.decision_id}/outcomes`, said);
      await this.#writing(() => recording.send());
      this.#answers.set(action.code, outcome);
      this.#chosen = decision.actions.find(({ code }) => !this.#answers.has(code))?.code ?? action.code;
      this.#tell("churn-outcome", { decision_id: decision.decision_id, action: action.code, outcome });
      await this.#load(this.#turn);
      this.#announce(`said.${outcome}`);
      this.#choice(action.code)?.focus();
    });
  }

  #askWhy(code) {
    const was = this.#declining;
    this.#declining = code;
    this.#drawActions();
    if (code) this.#choice(code).querySelector("[data-because=unsaid]").focus();
    else this.#choice(was)?.querySelector("[data-outcome=decline]").focus();
  }

  /** Resolves to whether it was recorded. */
  async #log(answers) {
    let isDone = false;
    await this.#busily(async () => {
      const contact = {
        subscriber_id: this.subscriber,
        touchpoint: this.getAttribute("touchpoint") ?? TOUCHPOINTS[this.#channel],
        channel: this.#channel,
        direction: this.#direction,
        occurred_at: new Date(this.#now()).toISOString(),
        reason: answers.reason.trim(),
        request: answers.request.trim(),
        ...(answers.sentiment ? { sentiment: answers.sentiment } : {}),
      };
      const recording = this.#api.intend("v1/interactions", contact);
      const { id } = await this.#writing(() => recording.send());
      isDone = true;
      this.#tell("churn-contact", { interaction_id: id });
      await this.#load(this.#turn);
      this.#announce("log.saved");
    });
    return isDone;
  }

  /** Keys work while the card has the focus; a page around it may pass its own on with `press`. */
  #pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (this.press(event.key)) event.preventDefault();
  }

  /** Does what a key stands for; tells whether it stood for anything. */
  press(key) {
    if (!this.#parts) return false;
    const does = this.#keys()[key.toLowerCase()];
    if (does) does();
    return Boolean(does);
  }

  #keys() {
    const log = this.#root.querySelector(".logging textarea");
    const keys = { c: () => log.focus() };
    const whyNot = this.#root.querySelector(".whynot");
    if (whyNot) keys.w = () => whyNot.toggleAttribute("open");
    if (this.#advice && !this.#advice.decision_id) keys.b = () => this.#begin();
    for (const { code, rank } of this.#advice?.actions ?? []) keys[rank] = () => this.#choose(code);
    const action = this.#advice?.actions.find(({ code }) => code === this.#chosen);
    if (!action || this.#answers.has(action.code)) return keys;
    return {
      ...keys,
      a: () => this.#answer(action, "accepted"),
      d: () => this.#askWhy(action.code),
      l: () => this.#answer(action, "later"),
    };
  }

  #choose(code) {
    this.#chosen = code;
    this.#drawActions();
    this.#choice(code).focus();
  }

  #choice(code) {
    return this.#root.querySelector(`[data-action="${code}"]`);
  }
}

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=radio])");
}

/** All of them, asked for at once; of several failures the first in order counts, whichever came first. */
async function allOf(...asked) {
  const settled = await Promise.allSettled(asked);
  const failed = settled.find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
  return settled.map(({ value }) => value);
}

/** What the key may not read is left out. */
async function optional(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

let learned = null;

/** The feature dictionary and the bands: asked for once a page; without them names are plain and the gauge has no marks. */
function learn(api) {
  learned ??= lookUp(api).catch(() => {
    learned = null;
    return { dictionary: new Map(), bands: [] };
  });
  return learned;
}

async function lookUp(api) {
  const [features, schema] = await Promise.all([api.get("v1/features?limit=200"), api.get("v1/feature-schema")]);
  return { dictionary: new Map(features.items.map((feature) => [feature.name, feature])), bands: schema.bands };
}

customElements.define("churn-card", ChurnCard);
