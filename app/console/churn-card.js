// <churn-card subscriber="490">: everything an agent needs about one person while the phone rings.
//
// It uses the public API only, finds it where this file came from, and looks the same alone, in a frame, and by a
// script tag in somebody else's page. Its token is a property and never an attribute: attributes are seen by all.

import { Api } from "./api.js";
import { stateOf } from "./card-state.js";
import { CardView } from "./card-view.js";
import { Conversation } from "./conversation.js";
import { stylesheets } from "./dom.js";
import { Patience } from "./patience.js";
import { Words } from "./words.js";

const SERVICE = new URL("..", import.meta.url);
const SHEETS = stylesheets("theme.css", "card.css");
const ATTRIBUTES = ["subscriber", "channel", "direction", "touchpoint", "agent"];
const SLOW_MS = 2_000;

/** What was being waited for is no longer wanted: another subscriber was opened meanwhile. */
class Superseded extends Error {}

class ChurnCard extends HTMLElement {
  static observedAttributes = [...ATTRIBUTES, "live", "lang"];

  #root = this.attachShadow({ mode: "open" });
  #api = new Api(SERVICE, () => this.#needToken());
  #patience = new Patience();
  #talk = null; // the conversation that is open
  #view = null;
  #trouble = null;
  #isExpired = false;
  #isScheduled = false;
  #busyWith = null;
  #isSlow = false;
  #drafts = new Map(); // what was typed of whom, while somebody else is on the card

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
    if (!this.isConnected || !this.#view) return;
    // What one token may not see another may: they are each for one subscriber.
    if (this.#trouble && !this.#view.isFull) this.#schedule();
    else if (was) this.#showState();
  }

  /** Asks for everything again, and keeps what was typed. */
  async refresh() {
    if (this.#view?.isFull) await this.#busily(() => this.#look());
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
    this.#talk = null;
    this.#patience.wake();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    // The call begins or ends, or is gone on with in another language: nothing that was typed is lost over it.
    if (!["live", "lang"].includes(name) || !this.#view?.isFull) this.#schedule();
    else if (name === "lang") this.#translate();
    else if (after !== null && this.#talk.advice && !this.#talk.isRecorded) this.#begin();
  }

  handleEvent(event) {
    if (event.type === "keydown") return this.#pressed(event);
    if (event.type === "online") this.#patience.wake();
    return this.#showState();
  }

  /** Several attributes that change together open the card once. */
  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.isConnected) this.#open();
    });
  }

  async #open() {
    if (this.#view?.isFull) this.#drafts.set(this.#talk.subscriber, this.#view.typed);
    const told = Object.fromEntries(ATTRIBUTES.map((name) => [name, this.getAttribute(name)]));
    const tell = (name, detail) => this.#tell(name, detail);
    const words = this.#words();
    const talk = (this.#talk = new Conversation(this.#api, told, words.language, tell));
    this.#trouble = null;
    this.#isSlow = false;
    this.#patience.wake();
    this.#root.adoptedStyleSheets = await SHEETS; // nothing is drawn before it is styled
    if (talk !== this.#talk) return;
    this.#view = this.#newView(words);
    this.#showState();
    if (talk.subscriber) await this.#quietly(() => this.#look());
  }

  #newView(words) {
    const does = {
      begin: () => this.#begin(),
      answer: (action, outcome, reason) => this.#answer(action.code, outcome, reason),
      decline: (code) => this.#askWhy(code),
      log: (answers) => this.#log(answers),
      names: () => this.#talk.names(),
    };
    return new CardView(this.#root, does, words);
  }

  #words() {
    return new Words(this.closest("[lang]")?.lang || navigator.language);
  }

  /** What the service says itself is asked for anew; a decision stays as it was recorded. */
  #translate() {
    const { typed } = this.#view;
    const words = this.#words();
    this.#view = this.#newView(words);
    this.#view.show(this.#talk);
    this.#view.typed = typed;
    this.#showState();
    this.#talk.language = words.language;
    return this.#quietly(() => this.#look());
  }

  // What is asked and said.

  async #look() {
    const talk = this.#talk;
    await this.#reading(() => talk.look(this.hasAttribute("live")));
    const isFirst = !this.#view.isFull;
    this.#view.show(talk);
    if (isFirst && this.#drafts.has(talk.subscriber)) this.#view.typed = this.#drafts.get(talk.subscriber);
    this.#showState();
  }

  #begin() {
    return this.#busily(async () => {
      await this.#decided();
      await this.#look();
      this.#view.announce("said.decided");
    });
  }

  /** Has the decision recorded, if there was but a preview. */
  async #decided() {
    const talk = this.#talk;
    if (talk.isRecorded) return;
    const decision = await this.#writing(() => talk.decide());
    if (!decision) throw new Error("this key may not record decisions");
  }

  #answer(action, outcome, reason) {
    return this.#busily(async () => {
      const [talk, view] = [this.#talk, this.#view];
      await this.#decided();
      view.declining = view.notice = null;
      if (!talk.isRecommended(action)) {
        view.notice = "act.again";
        return view.showActions(talk);
      }
      await this.#writing(talk.outcome(action, outcome, reason));
      view.chosen = talk.advice.actions.find(({ code }) => !talk.answers.has(code))?.code ?? action;
      await this.#look();
      view.announce(`said.${outcome}`);
      return view.focusChoice(action);
    });
  }

  #askWhy(code) {
    const view = this.#view;
    const was = view.declining;
    view.declining = code;
    view.showActions(this.#talk);
    if (code) view.focusChoice(code, "[name=words]");
    else view.focusChoice(was, "[data-outcome=decline]");
  }

  /** Resolves to whether it was recorded. */
  async #log(answers) {
    let isRecorded = false;
    await this.#busily(async () => {
      await this.#writing(this.#talk.contact(answers));
      isRecorded = true;
      await this.#look();
      this.#view.announce("log.saved");
    });
    return isRecorded;
  }

  // How it is waited for.

  /** Reads what is shown; it is waited for as long as this subscriber is. */
  #reading(work) {
    const talk = this.#talk;
    return this.#patiently(talk, work, () => this.#require(talk));
  }

  /** Writes what was said: it is tried until it is recorded, even if somebody else is on the screen by then. */
  #writing(work) {
    return this.#patiently(this.#talk, work, () => {});
  }

  async #patiently(talk, work, goOn) {
    const trouble = (error) => {
      if (talk === this.#talk) this.#showTrouble(error);
    };
    const done = await this.#patience.until(work, { goOn, trouble });
    this.#require(talk);
    this.#showTrouble(null);
    return done;
  }

  #require(talk) {
    if (talk !== this.#talk) throw new Superseded();
  }

  /** Work whose failure is told by the card itself. */
  async #quietly(work) {
    const talk = this.#talk;
    try {
      await work();
    } catch (error) {
      if (talk === this.#talk && !(error instanceof Superseded)) this.#showTrouble(error);
    }
  }

  /** One thing at a time: a second press of a button does nothing while the first is on its way. */
  async #busily(work) {
    const [talk, view] = [this.#talk, this.#view];
    if (this.#busyWith === talk) return;
    this.#busyWith = talk;
    view.isBusy = true;
    const slow = setTimeout(() => this.#showSlow(talk, true), SLOW_MS);
    await this.#quietly(work);
    clearTimeout(slow);
    view.isBusy = false;
    if (this.#busyWith === talk) this.#busyWith = null;
    this.#showSlow(talk, false);
  }

  #showSlow(talk, isSlow) {
    if (talk !== this.#talk || this.#isSlow === isSlow) return;
    this.#isSlow = isSlow;
    this.#showState();
  }

  // What is told: on the card, and to the page around it.

  #showTrouble(error) {
    this.#trouble = error;
    this.#showState();
  }

  #showState() {
    if (!this.#view || !this.#talk) return;
    const told = { id: this.#talk.subscriber, error: this.#trouble, retry: this.#retry() };
    this.#view.showState(this.#state(), told);
  }

  #state() {
    if (!this.#talk.subscriber) return "nobody";
    if (this.#isExpired) return this.#view.isFull ? "expired" : "waiting";
    if (this.#trouble) return stateOf(this.#trouble);
    if (this.#view.isFull && !navigator.onLine) return "offline";
    return this.#isSlow ? "slow" : null;
  }

  #retry() {
    if (!this.#trouble || this.#isExpired) return null;
    if (this.#trouble.isTemporary) return () => this.#patience.wake();
    return this.#view.isFull || stateOf(this.#trouble) !== "error" ? null : () => this.#schedule();
  }

  #needToken() {
    this.#isExpired = true;
    this.#showState();
    this.#tell("churn-token-needed", { subscriber_id: this.getAttribute("subscriber") });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
  }

  // Keys.

  #pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (this.press(event.key)) event.preventDefault();
  }

  /** Does what a key stands for; tells whether it stood for anything. A page around it may pass on keys of its own. */
  press(key) {
    const does = this.#view?.isFull && this.#keys()[key.toLowerCase()];
    if (does) does();
    return Boolean(does);
  }

  #keys() {
    const [talk, view] = [this.#talk, this.#view];
    const keys = { c: () => view.focusLog(), w: () => view.toggleWhyNot() };
    if (talk.advice && !talk.isRecorded) keys.b = () => this.#begin();
    for (const { code, rank } of talk.advice?.actions ?? []) keys[rank] = () => this.#choose(code);
    if (view.chosen === null || talk.answers.has(view.chosen)) return keys;
    return {
      ...keys,
      a: () => this.#answer(view.chosen, "accepted"),
      d: () => this.#askWhy(view.chosen),
      l: () => this.#answer(view.chosen, "later"),
    };
  }

  #choose(code) {
    this.#view.chosen = code;
    this.#view.showActions(this.#talk);
    this.#view.focusChoice(code);
  }
}

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=radio])");
}

customElements.define("churn-card", ChurnCard);
