import { element } from "./context.js";

/** The help dialog and its switch for letter keys. Returns the function that opens it. */
export function setUpHelp(switchLetters) {
  const dialog = element("help");
  const open = () => dialog.open || dialog.showModal();
  element("help-open").addEventListener("click", open);
  element("letters").addEventListener("change", (event) => switchLetters(event.target.checked));
  return open;
}
