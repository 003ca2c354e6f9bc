// One subscriber and one contact with them: what is known, what is recommended, what was said. All requests of a card
// and no drawing. Each method tries once; what may be tried again is so without being made twice.

const TOUCHPOINTS = {
  call: "hotline",
  shop: "shop_counter",
  app: "app_selfcare",
  web: "web_selfcare",
  sms: "sms_notice",
};
const VERSIONS = 4; // of the profile: three changes
const ACTIONS = 200;
const PLAIN = { dictionary: new Map(), bands: [] };

export class Conversation {
  overview = null;
  versions = []; // of their profile, latest first
  advice = null; // a preview, or a decision once there is one
  knowledge = PLAIN;
  answers = new Map(); // what they said, by action
  #deciding = null;
  #clockAhead = 0;

  /** `language` is what is said in to the subscriber; `tell(name, detail)` is called with what was recorded. */
  constructor(api, { subscriber, channel, direction, touchpoint, agent }, language, tell) {
    this.api = api;
    this.language = language;
    this.subscriber = subscriber;
    this.channel = channel ?? "call";
    this.direction = direction ?? "inbound";
    this.touchpoint = touchpoint ?? TOUCHPOINTS[this.channel];
    this.agent = agent;
    this.path = `v1/subscribers/${encodeURIComponent(subscriber)}`;
    this.tell = (name, detail) => tell(name, { subscriber_id: subscriber, ...detail });
  }

  get isRecorded() {
    return Boolean(this.advice?.decision_id);
  }

  /** The time as the service has it: it judges what we say of times, and our own clock may be wrong. */
  get now() {
    return new Date(Date.now() + this.#clockAhead);
  }

  /** Learns all there is to show. While somebody is there, what is recommended is recorded. */
  async look(isLive) {
    const asked = Date.now();
    const [overview, versions, advice, knowledge] = await allOf(
      this.api.get(`${this.path}/overview?language=${this.language}`),
      this.api.get(`${this.path}/profile-versions?limit=${VERSIONS}`),
      this.isRecorded ? this.advice : isLive ? this.decide() : this.#preview(),
      learn(this.api),
    );
    this.#clockAhead = Date.parse(overview.at) - (asked + Date.now()) / 2;
    const isUnknown = !overview.score && (await this.#isUnknown());
    Object.assign(this, { overview: { ...overview, isUnknown }, versions: versions.items, advice, knowledge });
  }

  #preview() {
    const { channel, direction, language } = this;
    const asked = new URLSearchParams({ channel, direction, language });
    return optional(this.api.get(`${this.path}/next-best-actions?${asked}`));
  }

  /** A score may be missing because nothing is known, which is said, or because it may not be told, which is not. */
  async #isUnknown() {
    const person = await optional(this.api.get(this.path));
    const refuses = ["all", "profiling"].some((purpose) => person?.consents[purpose] === false);
    return Boolean(person) && !refuses && person.latest_snapshot === null;
  }

  /** Has what is recommended now recorded, for those who are held out as well; null where the key may not. */
  async decide() {
    const { subscriber, channel, direction, language } = this;
    const question = { subscriber_id: subscriber, channel, direction, language };
    this.#deciding ??= this.api.intend("v1/decisions?trace=full", question);
    const decision = await optional(this.#deciding.send());
    this.#deciding = null;
    if (decision === null) return null;
    this.advice = decision;
    const { decision_id, arm, actions } = decision;
    this.tell("churn-decision", { decision_id, arm, actions: actions.map(({ code }) => code) });
    return decision;
  }

  /** What the catalogue calls its actions; their codes have to do where it may not be read. */
  async names() {
    const found = await optional(this.api.get(`v1/actions?limit=${ACTIONS}`)).catch(() => null);
    return new Map((found?.items ?? []).map(({ code, name }) => [code, name]));
  }

  isRecommended(action) {
    return this.advice.actions.some(({ code }) => code === action);
  }

  /** What they said to an action of the decision; returns what sends it. */
  outcome(action, outcome, reason) {
    const { decision_id, decided_at } = this.advice;
    const occurred_at = this.now > new Date(decided_at) ? this.now : decided_at;
    const said = { action, outcome, occurred_at, ...(reason ? { reason } : {}) };
    const intention = this.api.intend(`v1/decisions/${decision_id}/outcomes`, said);
    return async () => {
      await intention.send();
      this.answers.set(action, outcome);
      this.tell("churn-outcome", { decision_id, action, outcome });
    };
  }

  /** The contact itself, with the answers to the two questions; returns what sends it. */
  contact({ reason, request, sentiment }) {
    const { subscriber: subscriber_id, touchpoint, channel, direction, now: occurred_at } = this;
    const said = { reason: reason.trim(), request: request.trim(), ...(sentiment ? { sentiment } : {}) };
    const who = this.agent ? { agent_id: this.agent } : {};
    const body = { subscriber_id, touchpoint, channel, direction, occurred_at, ...who, ...said };
    const intention = this.api.intend("v1/interactions", body);
    return async () => {
      const { id } = await intention.send();
      this.tell("churn-contact", { interaction_id: id });
    };
  }
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

/** The feature dictionary and the bands: asked for once a page; without them names and gauge are plain. */
function learn(api) {
  learned ??= lookUp(api).catch(() => {
    learned = null;
    return PLAIN;
  });
  return learned;
}

async function lookUp(api) {
  const [features, schema] = await Promise.all([api.get("v1/features?limit=200"), api.get("v1/feature-schema")]);
  return { dictionary: new Map(features.items.map((feature) => [feature.name, feature])), bands: schema.bands };
}
