import { patience } from "./patience.js";
import { Refusal } from "./requests.js";

/**
 * The decoded images of the screens round the one on the table. One request brings a screen; the next screen is asked
 * for when the one before it is there, so that on a thin line nothing delays what is needed first.
 * Says "decoded" with a position, "missing" with {screen, failures}, and "refused" when trying again is no use.
 */
export class Album extends EventTarget {
  #range;
  #source;
  #wanted = [];
  #loading = new Map();
  #images = new Map();
  #refused = false;

  /** `range(screen)` lists a screen's positions; `source` is where images come from (sources.js). */
  constructor(range, source) {
    super();
    this.#range = range;
    this.#source = source;
  }

  /** Keep exactly these screens, most urgent first. */
  hold(screens) {
    this.#wanted = screens;
    const kept = new Set(screens.flatMap((screen) => this.#range(screen)));
    for (const position of this.#images.keys()) if (!kept.has(position)) this.#images.delete(position);
    for (const [screen, abort] of this.#loading) if (!screens.includes(screen)) abort.abort();
    this.#pump();
  }

  /** The decoded image, or undefined while it is on its way. */
  image(position) {
    return this.#images.get(position);
  }

  #missing(screen) {
    return this.#range(screen).filter((position) => !this.#images.has(position));
  }

  #pump() {
    const next = this.#wanted.find((screen) => this.#missing(screen).length);
    if (next !== undefined && !this.#loading.has(next) && !this.#refused) this.#load(next);
  }

  async #load(screen) {
    const abort = new AbortController();
    this.#loading.set(screen, abort);
    for (let failures = 0; this.#missing(screen).length && !abort.signal.aborted && !this.#refused; ) {
      await this.#fetch(screen, abort.signal);
      if (!this.#missing(screen).length || abort.signal.aborted || this.#refused) break;
      failures += 1;
      this.dispatchEvent(new CustomEvent("missing", { detail: { screen, failures } }));
      await patience(failures);
    }
    this.#loading.delete(screen);
    this.#pump();
  }

  /** Ask once for what is missing of a screen; what arrived and can be decoded is kept. */
  async #fetch(screen, signal) {
    const missing = this.#missing(screen);
    const [start, end] = [missing[0], missing.at(-1)];
    const decoding = [];
    const onImage = (position, blob) => decoding.push(this.#decode(position, blob, signal));
    try {
      await this.#source.run({ start, count: end - start + 1, onImage, signal });
    } catch (error) {
      if (error instanceof Refusal) this.#refuse(error);
    }
    await Promise.allSettled(decoding);
  }

  async #decode(position, blob, signal) {
    const image = new Image();
    image.draggable = false;
    image.alt = "";
    // It is decoded when it is shown: never paint the frame without it.
    image.decoding = "sync";
    image.src = URL.createObjectURL(blob);
    try {
      await image.decode();
    } finally {
      URL.revokeObjectURL(image.src);
    }
    if (signal.aborted) return;
    this.#images.set(position, image);
    this.dispatchEvent(new CustomEvent("decoded", { detail: position }));
  }

  #refuse(refusal) {
    this.#refused = true;
    this.dispatchEvent(new CustomEvent("refused", { detail: refusal }));
  }
}
