import { patience } from "./patience.js";
import { Refusal } from "./requests.js";

/** The first request is small: nothing may delay the first image. */
const FIRST = 2;
const BATCH = 12;
/** The next batch is sent for when fewer than this lie ahead. */
const LOW = 12;
const BEHIND = 12;
const LANES = 2;

/**
 * A ring of decoded images round the one on the table, so that the next is there when a key goes down.
 * Few requests bring many images each, the most urgent first; each image is decoded as soon as it is complete.
 * Says "decoded" with the position, "missing" with {failures} when a request failed and is tried again, and "refused".
 */
export class Ring extends EventTarget {
  #run;
  #of;
  #position = 0;
  #frontier = 0;
  #images = new Map();
  #coming = new Set();
  #lanes = new Map();
  #failures = 0;
  #resting = false;
  #closed = false;

  constructor(run, of) {
    super();
    this.#run = run;
    this.#of = of;
  }

  /** Keep what lies round the image on the table and ahead of the first open one. */
  hold(position, frontier) {
    this.#position = position;
    this.#frontier = frontier;
    for (const at of [...this.#images.keys()]) if (!this.#kept(at)) this.#drop(at);
    // Whoever jumps does not wait for images that are only wanted later.
    if (this.#missing(position) && this.#lanes.size >= LANES) [...this.#lanes.keys()].at(-1).abort();
    this.#pump();
  }

  /** The decoded image, or undefined while it is on its way. */
  image(position) {
    return this.#images.get(position);
  }

  /** No more images are needed. */
  close() {
    this.#closed = true;
    for (const lane of this.#lanes.keys()) lane.abort();
    for (const at of [...this.#images.keys()]) this.#drop(at);
  }

  #kept(at) {
    const near = at >= this.#position - BATCH && at < this.#position + BATCH;
    const ahead = at >= this.#frontier - BEHIND && at < this.#frontier + LOW + BATCH;
    return !this.#closed && (near || ahead);
  }

  #missing(at) {
    return at >= 0 && at < this.#of && !this.#images.has(at) && !this.#coming.has(at);
  }

  #drop(at) {
    URL.revokeObjectURL(this.#images.get(at).src);
    this.#images.delete(at);
  }

  #pump() {
    while (!this.#closed && !this.#resting) {
      const run = this.#next();
      if (!run) return;
      this.#load(run);
    }
  }

  /** The most urgent run of images that are neither there nor coming, or null. */
  #next() {
    if (this.#lanes.size >= LANES || (this.#lanes.size && !this.#images.size)) return null;
    const position = this.#position;
    if (this.#missing(position)) return this.#upwards(position, this.#images.size ? BATCH : FIRST);
    let end = this.#frontier;
    while (end < this.#of && !this.#missing(end)) end += 1;
    if (end < this.#of && end - this.#frontier < LOW) return this.#upwards(end, BATCH);
    // Who goes back may go on going back.
    return position < this.#frontier && this.#missing(position - 1) ? this.#downwards(position - 1, BATCH - 1) : null;
  }

  #upwards(start, most) {
    let end = start;
    while (end - start < most && this.#missing(end)) end += 1;
    return { start, count: end - start };
  }

  #downwards(last, most) {
    let start = last;
    while (last - start + 1 < most && this.#missing(start - 1)) start -= 1;
    return { start, count: last - start + 1 };
  }

  async #load({ start, count }) {
    const lane = new AbortController();
    const run = Array.from({ length: count }, (_, index) => start + index);
    this.#lanes.set(lane, run);
    for (const at of run) this.#coming.add(at);
    const decoding = [];
    const onImage = (position, blob) => decoding.push(this.#decode(position, blob));
    let refusal = null;
    try {
      await this.#run({ start, count, onImage, signal: lane.signal });
    } catch (error) {
      if (error instanceof Refusal) refusal = error;
    }
    await Promise.all(decoding);
    this.#lanes.delete(lane);
    for (const at of run) this.#coming.delete(at);
    if (refusal) return this.#refuse(refusal);
    if (!lane.signal.aborted) await this.#judge(run);
    this.#pump();
  }

  /** After a failure wait before anything is tried again. */
  async #judge(run) {
    if (!run.some((at) => this.#missing(at) && this.#kept(at))) {
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    this.dispatchEvent(new CustomEvent("missing", { detail: { failures: this.#failures } }));
    this.#resting = true;
    await patience(this.#failures);
    this.#resting = false;
  }

  async #decode(position, blob) {
    const image = new Image();
    image.draggable = false;
    // It is decoded when it is shown: never paint the frame without it.
    image.decoding = "sync";
    image.src = URL.createObjectURL(blob);
    try {
      await image.decode();
    } catch {
      return URL.revokeObjectURL(image.src);
    }
    if (!this.#kept(position) || this.#images.has(position)) return URL.revokeObjectURL(image.src);
    this.#images.set(position, image);
    this.#coming.delete(position);
    this.dispatchEvent(new CustomEvent("decoded", { detail: position }));
    this.#pump();
  }

  #refuse(refusal) {
    this.close();
    this.dispatchEvent(new CustomEvent("refused", { detail: refusal }));
  }
}
