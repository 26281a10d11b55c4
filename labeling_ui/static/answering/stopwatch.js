/**
 * How long each image was on screen, apart for a visible and a hidden page. Milliseconds since the page opened.
 * An image that is looked at again goes on counting where it stopped.
 */
export class Stopwatch {
  #times = new Map();
  #position = null;
  #since = 0;
  #hidden = document.hidden;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      this.#lap();
      this.#hidden = document.hidden;
    });
  }

  /** The image is painted. */
  start(position) {
    this.#lap();
    this.#position = position;
    if (!this.#times.has(position)) this.#times.set(position, { shown: performance.now(), visible: 0, hidden: 0 });
  }

  stop() {
    this.#lap();
    this.#position = null;
  }

  /** The times of an image until now, as an answer carries them. */
  read(position) {
    this.#lap();
    const { shown, visible, hidden } = this.#times.get(position);
    const tidy = (milliseconds) => Math.round(milliseconds * 10) / 10;
    return { shown_ms: tidy(shown), decided_ms: tidy(performance.now()), visible_ms: tidy(visible), hidden_ms: tidy(hidden) };
  }

  #lap() {
    const now = performance.now();
    const times = this.#times.get(this.#position);
    if (times) times[this.#hidden ? "hidden" : "visible"] += now - this.#since;
    this.#since = now;
  }
}
