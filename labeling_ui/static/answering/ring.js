import { patience } from "./patience.js";

/**
 * A ring of decoded images round the one on the table, so that the next is there when a key goes down.
 * Fetches few at a time and the most urgent first; on a thin line twelve at once would delay the one that is needed.
 * Says "decoded" with the position.
 */
export class Ring extends EventTarget {
  #address;
  #lanes;
  #wanted = [];
  #decoded = new Map();
  #loading = new Set();

  constructor(address, lanes = 4) {
    super();
    this.#address = address;
    this.#lanes = lanes;
  }

  /** Keep exactly these positions, most urgent first. */
  hold(positions) {
    this.#wanted = positions;
    for (const position of this.#decoded.keys()) if (!positions.includes(position)) this.#decoded.delete(position);
    this.#pump();
  }

  /** The decoded image, or undefined while it is on its way. */
  image(position) {
    return this.#decoded.get(position);
  }

  #pump() {
    for (const position of this.#wanted) {
      if (this.#loading.size >= this.#lanes) return;
      if (!this.#decoded.has(position) && !this.#loading.has(position)) this.#load(position);
    }
  }

  async #load(position) {
    this.#loading.add(position);
    for (let failures = 0; this.#wanted.includes(position); ) {
      const image = new Image();
      image.draggable = false;
      image.fetchPriority = position === this.#wanted[0] ? "high" : "auto";
      image.src = this.#address(position);
      try {
        await image.decode();
        this.#decoded.set(position, image);
        this.dispatchEvent(new CustomEvent("decoded", { detail: position }));
        break;
      } catch {
        failures += 1;
        this.dispatchEvent(new CustomEvent("missing", { detail: { position, failures } }));
        await patience(failures);
      }
    }
    this.#loading.delete(position);
    this.#pump();
  }
}
