/**
 * How long each image was on screen, apart for a visible and a hidden page, in milliseconds. An image that is looked at
 * again goes on counting where it stopped, also after a reload: the clock goes on where the earlier visit ended, so that
 * the times of one answer fit each other. Several images may be on screen at once.
 */
export class Stopwatch {
  #times = new Map();
  #running = new Set();
  #since = 0;
  #earlier = 0;
  #hidden = document.hidden;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      this.#lap();
      this.#hidden = document.hidden;
    });
  }

  /** Take over the times of answers from another visit. */
  resume(answers) {
    if (!this.#times.size) this.#earlier = Math.max(0, ...answers.map((answer) => answer.decided_ms));
    for (const { position, shown_ms: shown, visible_ms: visible, hidden_ms: hidden } of answers) {
      const known = this.#times.get(position);
      if (!known || known.visible < visible) this.#times.set(position, { shown, visible, hidden });
    }
  }

  /** The image is painted. */
  start(position) {
    const now = this.#lap();
    this.#running.add(position);
    if (!this.#times.has(position)) this.#times.set(position, { shown: now, visible: 0, hidden: 0 });
  }

  stop() {
    this.#lap();
    this.#running.clear();
  }

  /** The times of an image until now, as an answer carries them. */
  read(position) {
    const now = this.#lap();
    const { shown, visible, hidden } = this.#times.get(position);
    const tidy = (milliseconds) => Math.round(milliseconds * 10) / 10;
    return { shown_ms: tidy(shown), decided_ms: tidy(now), visible_ms: tidy(visible), hidden_ms: tidy(hidden) };
  }

  #lap() {
    const now = performance.now() + this.#earlier;
    for (const position of this.#running) this.#times.get(position)[this.#hidden ? "hidden" : "visible"] += now - this.#since;
    this.#since = now;
    return now;
  }
}
