/**
 * The images of one sitting in their order, what was answered, and which one is on the table.
 * Knows no document. Says "move" when another image comes up and "answer" when one is answered.
 */
export class Deck extends EventTarget {
  #answers = new Map();
  #skipped = new Set();
  #frontier = 0;

  constructor(of) {
    super();
    this.of = of;
    this.position = 0;
    /** Images before this one are final: there is no way back to them. */
    this.floor = 0;
  }

  /** How many images are answered. */
  get answered() {
    return this.#answers.size;
  }

  /** The first image that was neither answered nor skipped; `of` when there is none. */
  get frontier() {
    const passed = (at) => this.#answers.has(at) || this.#skipped.has(at);
    while (this.#frontier < this.of && passed(this.#frontier)) this.#frontier += 1;
    return this.#frontier;
  }

  get finished() {
    return this.position >= this.of;
  }

  /** true, false, or undefined when not answered. */
  value(position) {
    return this.#answers.get(position)?.value;
  }

  count(value) {
    return [...this.#answers.values()].filter((answer) => answer.value === value).length;
  }

  /** Take over answers from an earlier visit: `{position: value}`. */
  resume(answered) {
    for (const [position, value] of Object.entries(answered)) {
      if (!this.#answers.has(Number(position))) this.#answers.set(Number(position), { value, changes: 0 });
    }
    this.goTo(this.frontier);
  }

  /** Answer the image on the table, then go on with the first open one. */
  answer(value, device) {
    const position = this.position;
    const before = this.#answers.get(position);
    const changes = before ? before.changes + (before.value === value ? 0 : 1) : 0;
    this.#answers.set(position, { value, changes });
    this.dispatchEvent(new CustomEvent("answer", { detail: { position, value, changes, device, before: before?.value } }));
    this.goTo(this.frontier);
  }

  skip() {
    this.#skipped.add(this.position);
    this.goTo(this.frontier);
  }

  back() {
    if (this.position > this.floor) this.goTo(this.position - 1);
  }

  /** Towards the first open image, never past it. */
  forward() {
    if (this.position < this.frontier) this.goTo(this.position + 1);
  }

  goTo(position) {
    this.position = position;
    this.dispatchEvent(new Event("move"));
  }

  /** The images to have at hand, most urgent first: this one, the next open ones, the one before. */
  nearby(ahead) {
    const wanted = [this.position];
    for (let at = this.frontier; at < this.of && wanted.length < ahead; at += 1) wanted.push(at);
    wanted.push(this.position + 1, this.position - 1, this.position - 2);
    return [...new Set(wanted)].filter((at) => at >= 0 && at < this.of);
  }
}
