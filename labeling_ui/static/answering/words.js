import { context } from "./context.js";

// Digits as everywhere on the page, also where a language has digits of its own.
const amount = new Intl.NumberFormat(`${context.language}-u-nu-latn`, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A phrase in the page's language, its `{name}` places filled in from `values`. A missing phrase is a bug: say so. */
export function say(key, values = {}) {
  const phrase = context.words[key];
  if (phrase === undefined) throw new Error(`There is no phrase "${key}".`);
  return phrase.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** US cents as dollars, as the page's language writes them. */
export const money = (cents) => say("money", { amount: amount.format(cents / 100) });
