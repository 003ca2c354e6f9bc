// Who this is, and what to know before the first word.

import { h } from "./dom.js";

/** The person, as much of them as confirms what they say of themselves. */
export function identity(overview, words) {
  const { profile } = overview;
  const contact = profile.contact ?? {};
  return h(
    "header",
    { class: "who" },
    h("h2", {}, profile.subscriber_id),
    h("ul", { class: "facts" }, facts(profile, contact, words)),
    overview.prompt && h("p", { class: "prompt" }, overview.prompt),
  );
}

function facts(profile, contact, words) {
  const told = [
    contact.name,
    contact.phone,
    words.code("status", profile.status),
    profile.value_tier && words.code("tier", profile.value_tier),
    profile.lifecycle_stage && words.code("lifecycle", profile.lifecycle_stage),
    words.list([profile.brand, profile.region]),
    profile.joined_on && words.say("who.since", { date: words.date(profile.joined_on) }),
    profile.owner && words.say("who.owner", { owner: profile.owner }),
    profile.merged_into && words.say("who.merged", { id: profile.merged_into }),
    reach(profile.reachable_by, words),
  ];
  return told.filter(Boolean).map((fact) => h("li", {}, fact));
}

function reach(channels, words) {
  if (channels.length === 0) return words.say("who.unreachable");
  return words.say("who.reach", { channels: words.list(channels.map((channel) => words.code("channel", channel))) });
}
