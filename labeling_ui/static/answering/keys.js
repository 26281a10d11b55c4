const INTERACTIVE = "button, a, summary, input, select, textarea";

/**
 * Key down -> act. `keys` lists the keys of each act as KeyboardEvent.key names them; `act` gets the act's name.
 * Enter means "enter" unless something that has its own Enter is focused; "?" means "help".
 * Returns a switch for letters and digits: people who dictate press them by accident (WCAG 2.1.4).
 */
export function listenToKeys(keys, act) {
  const acts = new Map([["?", "help"]]);
  for (const [name, list] of Object.entries(keys)) for (const key of list) acts.set(key.toLowerCase(), name);
  let characters = true;

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const key = nameOf(event);
    const name = key === "enter" && !event.target.closest?.(INTERACTIVE) ? "enter" : acts.get(key);
    if (!name || (!characters && key.length === 1)) return;
    event.preventDefault();
    // A key held down is one answer, not thirty a second.
    if (!event.repeat) act(name, "key");
  });

  return (on) => (characters = on);
}

/** The key's name; on keyboards without Latin letters the place of the key counts. */
function nameOf(event) {
  const foreign = event.key.length === 1 && event.key > "\u007f";
  return (foreign ? event.code.replace(/^(Key|Digit)/, "") : event.key).toLowerCase();
}
