import { patience } from "./patience.js";
import { Refusal } from "./requests.js";
import { say } from "./words.js";

const OVER = 410;

/**
 * Sends answers as they are given, but not more than about once a second, and keeps every one until the server has it:
 * in memory, and in `backup` (something with `answers`), so that a crash loses nothing either.
 * The newest answer of a key replaces an older one. `send(batch, {keepalive})` throws Refusal when trying again is no use.
 * Its state is saved | saving | offline | refused. Says "refused" with the Refusal.
 */
export class Saver extends EventTarget {
  #send;
  #mark;
  #backup;
  #delay;
  #pause;
  #most;
  #pending = new Map();
  #running = null;
  #timer = 0;
  #written = 0;
  #sent = -Infinity;
  #refusal = null;
  #urgent = false;

  constructor(send, mark, { backup = {}, delay = 300, pause = 1_000, most = 150 } = {}) {
    super();
    this.#send = send;
    this.#mark = mark;
    this.#backup = backup;
    this.#delay = delay;
    this.#pause = pause;
    this.#most = most;
    window.addEventListener("pagehide", () => this.#lastChance());
    document.addEventListener("visibilitychange", () => document.hidden && this.#lastChance());
    window.addEventListener("beforeunload", (event) => this.state === "offline" && event.preventDefault());
    this.#become("saved", "");
  }

  add(key, item) {
    this.#pending.set(key, item);
    if (this.state === "saved") this.#become("saving");
    // Not now: the next image has to be painted first.
    this.#written ||= setTimeout(() => this.#write());
    this.#soon();
  }

  /** Whether the newest answer of this key is still on its way. */
  has(key) {
    return this.#pending.has(key);
  }

  /** Resolves when the server has everything; throws the Refusal when it will not take it. */
  async settled() {
    this.#refusal = null;
    this.#urgent = true;
    while (this.#pending.size && !this.#refusal) await this.#start();
    this.#urgent = false;
    if (this.#refusal) throw this.#refusal;
  }

  #soon() {
    this.#timer ||= setTimeout(() => this.#start(), Math.max(this.#delay, this.#sent + this.#pause - performance.now()));
  }

  #start() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#running ??= this.#run().finally(() => (this.#running = null));
    return this.#running;
  }

  async #run() {
    for (let failures = 0; this.#pending.size; ) {
      try {
        await this.#deliver({ keepalive: false });
        failures = 0;
        this.#become(this.#pending.size ? "saving" : "saved");
        if (this.#pending.size && !this.#urgent) return this.#soon();
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
    if (!this.#pending.size) return;
    this.#write();
    if (!this.#refusal) this.#deliver({ keepalive: true }).catch(() => this.#start());
  }

  /** Send one batch; what was not replaced meanwhile is done. */
  async #deliver(how) {
    const batch = [...this.#pending].slice(0, this.#most);
    this.#sent = performance.now();
    await this.#send(batch.map(([, item]) => item), how);
    for (const [key, item] of batch) if (this.#pending.get(key) === item) this.#pending.delete(key);
    this.#write();
    if (!this.#pending.size && this.state === "saving") this.#become("saved");
  }

  #write() {
    clearTimeout(this.#written);
    this.#written = 0;
    this.#backup.answers = this.#refusal?.status === OVER ? [] : [...this.#pending.values()];
  }

  #refuse(refusal) {
    this.#refusal = refusal;
    this.#write();
    this.#become("refused");
    this.dispatchEvent(new CustomEvent("refused", { detail: refusal }));
  }

  #become(state, words = say(`saver.${state}`)) {
    this.state = state;
    this.#mark.dataset.state = state;
    this.#mark.textContent = words;
  }
}
