// Says things in the reader's language: messages, numbers, dates, amounts.

import { MESSAGES } from "./messages.js";

export const LANGUAGES = Object.keys(MESSAGES);

/** The language of ours that a tag such as `zh-Hans-CN` asks for; English if there is none. */
export function languageFor(tag) {
  const wanted = (tag ?? "").toLowerCase();
  return LANGUAGES.find((language) => wanted.split("-")[0] === language.split("-")[0].toLowerCase()) ?? "en";
}

export class Words {
  /** `more` are the messages that only some pages need, by language. */
  constructor(tag, more = {}) {
    this.language = languageFor(tag);
    this.messages = { ...MESSAGES[this.language], ...more[this.language] };
    // Of one language there are many ways to write dates and amounts: the reader's own, if it is among theirs.
    this.locale = navigator.languages.find((own) => languageFor(own) === this.language) ?? this.language;
    this.whole = new Intl.NumberFormat(this.locale, { maximumFractionDigits: 2 });
    this.share = new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: 0 });
    this.signed = new Intl.NumberFormat(this.locale, {
      signDisplay: "exceptZero",
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    });
    this.day = new Intl.DateTimeFormat(this.locale, { dateStyle: "medium" });
    this.moment = new Intl.DateTimeFormat(this.locale, { dateStyle: "medium", timeStyle: "short" });
    this.near = new Intl.RelativeTimeFormat(this.locale, { numeric: "auto" });
  }

  /** The message of this name, its places filled in. */
  say(name, places = {}) {
    const message = this.messages[name] ?? MESSAGES.en[name] ?? name;
    return message.replace(/\{(\w+)\}/g, (_, place) => String(places[place] ?? ""));
  }

  /** The word for a code of the API (`band.high`), or the code made readable where there is none. */
  code(kind, code) {
    return this.messages[`${kind}.${code}`] ?? readable(code);
  }

  /** Several things side by side, those that are not there left out. */
  list(parts) {
    return parts.filter(Boolean).join(this.say("list.separator"));
  }

  number(value) {
    return this.whole.format(value);
  }

  percent(share) {
    return this.share.format(share);
  }

  change(value) {
    return this.signed.format(value);
  }

  money(amount, currency) {
    const options = { style: "currency", currency, currencyDisplay: "narrowSymbol" };
    return new Intl.NumberFormat(this.locale, options).format(amount);
  }

  /** A number with its unit: those that every language knows are declined, others stand as they are. */
  measure(value, unit) {
    try {
      const options = { style: "unit", unit: unit.replace(/s$/, ""), unitDisplay: "long", maximumFractionDigits: 2 };
      return new Intl.NumberFormat(this.locale, options).format(value);
    } catch {
      return `${this.number(value)} ${unit.replaceAll("_", " ")}`;
    }
  }

  date(text) {
    return this.day.format(new Date(text));
  }

  time(text) {
    return this.moment.format(new Date(text));
  }

  /** How far from now, in the largest unit that fits. */
  distance(text, now = Date.now()) {
    const seconds = (new Date(text).getTime() - now) / 1000;
    const units = [
      ["day", 86_400],
      ["hour", 3_600],
      ["minute", 60],
    ];
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
    return this.near.format(Math.trunc(seconds / size), unit);
  }
}

/** `months_to_contract_end` → `Months to contract end`. */
export function readable(code) {
  const text = String(code).replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
