import { element } from "./context.js";
import { isModifier, labelOf, nameOf } from "./keys.js";
import { keep, recall } from "./storage.js";
import { say } from "./words.js";

const CHOSEN = "winnow.keys";

/** The help dialog: its switch for letter keys and the choice of the two keys that answer. Returns what opens it. */
export function setUpHelp(keyboard) {
  const dialog = element("help");
  const open = () => {
    if (!dialog.open) dialog.showModal();
    // At the top, where reading begins, and not on the choice of keys.
    element("help-title").focus();
  };
  element("help-open").addEventListener("click", open);
  element("letters").addEventListener("change", (event) => (keyboard.characters = event.target.checked));
  setUpChoice(keyboard, dialog);
  return open;
}

function setUpChoice(keyboard, dialog) {
  const buttons = { yes: element("choose-yes"), no: element("choose-no") };
  const tell = (words) => (element("chosen").textContent = words);
  let asking = null;

  for (const [name, key] of Object.entries(recall(CHOSEN) ?? {})) if (name in buttons) take(name, String(key));
  for (const [name, button] of Object.entries(buttons)) {
    button.addEventListener("click", () => ask(asking === name ? null : name));
    button.addEventListener("blur", () => ask(null));
  }
  dialog.addEventListener("close", () => tell(""));
  dialog.addEventListener("keydown", (event) => {
    if (!asking || isModifier(event)) return;
    if (event.key === "Tab") return;
    event.preventDefault();
    const [name, key] = [asking, nameOf(event)];
    ask(null);
    if (key === "escape") return tell("");
    if (!take(name, key)) return tell(say("keys.taken", { key: labelOf(key) }));
    keep(CHOSEN, { yes: keyboard.first("yes"), no: keyboard.first("no") });
    tell(say(`keys.chosen.${name}`, { key: labelOf(key) }));
  });

  function ask(name) {
    asking = name;
    for (const [other, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(other === name));
    if (name) tell(say(`keys.press.${name}`));
  }

  function take(name, key) {
    if (!keyboard.choose(name, key)) return false;
    for (const hint of document.querySelectorAll(`kbd[data-act="${name}"]`)) hint.textContent = labelOf(key);
    return true;
  }
}
