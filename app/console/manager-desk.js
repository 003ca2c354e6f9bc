// What every part of a view needs: the API, the reader's words, and to know when its view was left.

import { Problem } from "./api.js";
import { h } from "./dom.js";
import { stateOf } from "./card-state.js";
import { Patience } from "./patience.js";

const SCOPE = /[a-z]+:[a-z]+/;

/** Nobody looks at this any more. */
class Left extends Error {}

export class Desk {
  #patience = new Patience();
  #turns = new WeakMap();
  #isLeft = false;

  constructor(api, words) {
    this.api = api;
    this.words = words;
  }

  leave() {
    this.#isLeft = true;
    this.wake();
  }

  /** Tries again now whatever is waiting. */
  wake() {
    this.#patience.wake();
  }

  /**
   * Puts into `place` what `draw` makes of what `load` brings: until then an outline of some `lines`, and if it cannot
   * be had, what is the matter. Filling a place again puts an end to what was filling it. `load` is given `goOn`, which
   * throws as soon as nobody waits for its answer.
   */
  async fill(place, { load, draw, lines = 6 }) {
    const turn = (this.#turns.get(place) ?? 0) + 1;
    this.#turns.set(place, turn);
    const goOn = () => {
      if (this.#isLeft || this.#turns.get(place) !== turn) throw new Left();
    };
    const put = (...nodes) => replaced(place, nodes);
    const again = () => this.fill(place, { load, draw, lines });
    put(outline(lines, this.words));
    try {
      const trouble = (error) => put(troubleBox(error, () => this.wake(), this.words));
      const answer = await this.#patience.until(() => load(goOn), { goOn, trouble });
      goOn();
      put(...[draw(answer)].flat().filter(Boolean));
    } catch (error) {
      if (error instanceof Problem) put(troubleBox(error, again, this.words));
      else if (!(error instanceof Left)) throw error;
    }
  }
}

/** Whoever is in a place with the keyboard stays there when what it holds is replaced. */
export function replaced(place, nodes) {
  const wasThere = place.contains(document.activeElement);
  place.replaceChildren(...nodes);
  if (!wasThere) return;
  if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
  place.focus();
}

/** A part of a view, with a heading of its own; `nodes` stand between that and what is filled in. */
export function part(desk, name, filling, ...nodes) {
  const body = h("div", { class: "body" });
  desk.fill(body, filling);
  return section(desk, name, ...nodes, body);
}

export function section(desk, name, ...nodes) {
  const attributes = { class: `part ${name}`, "aria-labelledby": `part-${name}` };
  return h("section", attributes, h("h2", { id: `part-${name}` }, desk.words.say(`manager.${name}`)), ...nodes);
}

/** What there is to do next where there is nothing to show. */
export function emptyBox(words, name, ...more) {
  const next = words.say(`manager.${name}.next`);
  return h("div", { class: "nothing" }, h("strong", {}, words.say(`manager.${name}`)), h("p", {}, next), ...more);
}

function outline(lines, words) {
  const line = () => h("div", { class: "line waiting" });
  const told = h("p", { class: "hidden", role: "status" }, words.say("manager.loading"));
  return h("div", { class: "outline" }, told, Array.from({ length: lines }, line));
}

/** The scope that a refusal names. */
export function missingScope(error) {
  return SCOPE.exec(error.message)?.[0] ?? "-";
}

function troubleBox(error, retry, words) {
  const state = stateOf(error);
  const places = { scope: missingScope(error), request: error.requestId ?? "-" };
  const say = (name) => words.say(`manager.trouble.${name}`, places);
  const detail = ["error", "missing"].includes(state) && h("p", {}, error.message);
  const again = state !== "forbidden" && h("button", { type: "button", onclick: retry }, words.say("state.retry"));
  return h(
    "div",
    { class: `trouble ${state}`, role: "alert" },
    h("strong", {}, say(state)),
    detail,
    h("p", {}, say(`${state}.next`)),
    again,
  );
}
