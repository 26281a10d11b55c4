/** What has an Enter and a space bar of its own. */
export const INTERACTIVE = "button, a, summary, input, select, textarea";
const LABELS = { arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", backspace: "⌫" };
/** Keys that move the focus, press buttons and close dialogs. */
const RESERVED = ["tab", "enter", "escape", " ", "?", "dead", "process", "unidentified"];
const MODIFIERS = ["shift", "control", "alt", "altgraph", "meta", "capslock", "numlock", "fn", "contextmenu"];

/**
 * Key down -> act. `keys` lists the keys of each act as KeyboardEvent.key names them; `act` gets the act's name.
 * Enter means "enter" unless something that has its own Enter is focused; "?" means "help", Escape "escape".
 */
export class Keyboard {
  /** Letters and digits can be switched off: people who dictate press them by accident (WCAG 2.1.4). */
  characters = true;
  #keys = new Map();

  constructor(keys, act) {
    for (const [name, list] of Object.entries(keys)) this.#keys.set(name, list.map((key) => key.toLowerCase()));
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      const key = nameOf(event);
      const name = this.#actOf(key, event.target);
      if (!name || (!this.characters && key.length === 1)) return;
      event.preventDefault();
      // A key held down is one answer, not thirty a second.
      if (!event.repeat) act(name, "key");
    });
  }

  /** The first key of an act. */
  first(name) {
    return this.#keys.get(name)[0];
  }

  /** Make a key the first one of an act; false when it means something else already. */
  choose(name, key) {
    const taken = [...this.#keys].some(([other, list]) => list.includes(key) && (other !== name || list[0] !== key));
    if (taken || RESERVED.includes(key)) return false;
    this.#keys.get(name)[0] = key;
    return true;
  }

  #actOf(key, target) {
    if (key === "enter") return target.closest?.(INTERACTIVE) ? undefined : "enter";
    if (key === "?") return "help";
    if (key === "escape") return "escape";
    for (const [name, list] of this.#keys) if (list.includes(key)) return name;
  }
}

/** The key's name; on keyboards without Latin letters the place of the key counts. */
export function nameOf(event) {
  const foreign = event.key.length === 1 && event.key > "\u007f" && /^(Key|Digit)/.test(event.code);
  return (foreign ? event.code.replace(/^(Key|Digit)/, "") : event.key).toLowerCase();
}

/** Whether this key only changes what others mean. */
export const isModifier = (event) => MODIFIERS.includes(event.key.toLowerCase());

/** The key as a hint shows it. */
export const labelOf = (key) => LABELS[key] ?? key.toUpperCase();
