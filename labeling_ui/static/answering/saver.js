import { patience } from "./patience.js";
import { Refusal } from "./requests.js";

const WORDS = { saved: "saved", saving: "saving…", offline: "offline, will catch up", refused: "not saved" };

/**
 * Sends answers in small batches as they are given, and keeps every one until the server has it.
 * The newest answer of a key replaces an older one. `send(batch, {keepalive})` throws Refusal when trying again is no use.
 * Says "state" with saved | saving | offline | refused.
 */
export class Saver extends EventTarget {
  #send;
  #mark;
  #delay;
  #most;
  #pending = new Map();
  #running = null;
  #timer = 0;
  #refusal = null;

  constructor(send, mark, { delay = 400, most = 50 } = {}) {
    super();
    this.#send = send;
    this.#mark = mark;
    this.#delay = delay;
    this.#most = most;
    window.addEventListener("pagehide", () => this.#lastChance());
    document.addEventListener("visibilitychange", () => document.hidden && this.#lastChance());
    window.addEventListener("beforeunload", (event) => this.state === "offline" && event.preventDefault());
    this.#become("saved", "");
  }

  add(key, item) {
    this.#pending.set(key, item);
    if (this.state === "saved") this.#become("saving");
    clearTimeout(this.#timer);
    if (this.#pending.size >= this.#most) this.#start();
    else this.#timer = setTimeout(() => this.#start(), this.#delay);
  }

  /** Resolves when the server has everything; throws the Refusal when it will not take it. */
  async settled() {
    await this.#start();
    if (this.#refusal) throw this.#refusal;
  }

  #start() {
    clearTimeout(this.#timer);
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  async #run() {
    for (let failures = 0; this.#pending.size; ) {
      try {
        await this.#deliver({ keepalive: false });
        failures = 0;
        this.#become(this.#pending.size ? "saving" : "saved");
      } catch (error) {
        if (error instanceof Refusal) return this.#refuse(error);
        failures += 1;
        this.#become("offline");
        await patience(failures);
      }
    }
    this.#refusal = null;
  }

  /** The page may be gone in a moment: a request that outlives it takes what is left. */
  #lastChance() {
    if (this.#pending.size && !this.#refusal) this.#deliver({ keepalive: true }).catch(() => this.#start());
  }

  /** Send one batch; what was not replaced meanwhile is done. */
  async #deliver(how) {
    const batch = [...this.#pending].slice(0, this.#most);
    await this.#send(batch.map(([, item]) => item), how);
    for (const [key, item] of batch) if (this.#pending.get(key) === item) this.#pending.delete(key);
  }

  #refuse(refusal) {
    this.#refusal = refusal;
    this.#become("refused");
    this.dispatchEvent(new CustomEvent("refused", { detail: refusal }));
  }

  #become(state, words = WORDS[state]) {
    this.state = state;
    this.#mark.dataset.state = state;
    this.#mark.textContent = words;
  }
}
