import { element } from "./context.js";

/** One line across the page for what cannot go on, with what to do about it. */
export function showTrouble({ message, hint }) {
  const line = element("trouble");
  line.textContent = [message, hint].filter(Boolean).join(" ");
  line.hidden = false;
}

export function hideTrouble() {
  element("trouble").hidden = true;
}
