// Numbers as the manager's figures say them.

function format(words, value, options) {
  return new Intl.NumberFormat(words.locale, options).format(value);
}

export const count = (words, value) => format(words, value, { maximumFractionDigits: 0 });

export const decimal = (words, value, digits = 2) =>
  format(words, value, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const percent = (words, share, digits = 1) =>
  format(words, share, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A difference of shares, in points of a hundred, with its sign. */
export const points = (words, share) =>
  format(words, 100 * share, { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** By how much something grew or shrank, in percent of what it was; from twice as much on, how many times. */
export const change = (words, ratio) =>
  ratio >= 2
    ? `×${decimal(words, ratio, 1)}`
    : format(words, ratio - 1, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 });

/** An amount, with its currency where the answer names it. */
export const amount = (words, text, currency) => {
  const named = currency && { style: "currency", currency, currencyDisplay: "narrowSymbol" };
  return format(words, Number(text), { ...named, maximumFractionDigits: 0 });
};

/** A value with its interval, each said by `say`. */
export const within = (words, { low, value, high }, say) =>
  words.say("manager.within", { value: say(value), low: say(low), high: say(high) });

export const UNKNOWN = "–";
