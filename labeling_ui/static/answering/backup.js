import { forget, keep, recall, tidy } from "./storage.js";

const UNSENT = "winnow.unsent.";
const HANDED = "winnow.handed.";

/** What this browser remembers of an assignment: answers that the server does not have yet, and whether it is handed in. */
export class Backup {
  #unsent;
  #handed;

  constructor(key) {
    this.#unsent = UNSENT + key;
    this.#handed = HANDED + key;
    tidy(UNSENT, this.#unsent);
    tidy(HANDED, this.#handed);
  }

  /** Answers of an earlier visit that never arrived. */
  get answers() {
    const found = recall(this.#unsent);
    return Array.isArray(found) ? found : [];
  }

  set answers(unsent) {
    if (unsent.length) keep(this.#unsent, unsent);
    else forget(this.#unsent);
  }

  /** The receipt once the work was handed over to the market, by this tab or another one; else undefined. */
  get receipt() {
    return recall(this.#handed);
  }

  set receipt(receipt) {
    keep(this.#handed, receipt);
  }

  /** Call `act` with the receipt when another tab hands the work in. */
  onHandedElsewhere(act) {
    window.addEventListener("storage", ({ key }) => key === this.#handed && this.receipt && act(this.receipt));
  }
}
