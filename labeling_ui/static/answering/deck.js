/**
 * The images of one sitting in their order, what was answered, and which one is on the table.
 * The first ones may be lessons, whose answer is known: such an image stays open until it is answered right.
 * Knows no document. Says "answer" when an image is answered, "move" when another one comes up, and "change" when only
 * what was answered has changed.
 */
export class Deck extends EventTarget {
  #answers = new Map();
  #skipped = new Set();
  #frontier = 0;

  constructor(of, lessons = []) {
    super();
    this.of = of;
    this.lessons = lessons;
    this.position = 0;
    /** Images before this one are final: there is no way back to them. */
    this.floor = 0;
  }

  /** How many images are answered, wrong lessons left out. */
  get answered() {
    return [...this.#answers.keys()].filter((position) => this.#closed(position)).length;
  }

  /** The first image that was neither answered nor skipped; `of` when there is none. */
  get frontier() {
    const passed = (at) => this.#closed(at) || this.#skipped.has(at);
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

  /** Whether the last answer to this image is known to be wrong. */
  wrong(position) {
    const given = this.#answers.get(position);
    return given !== undefined && position < this.lessons.length && given.value !== this.lessons[position].answer;
  }

  count(value) {
    return [...this.#answers.values()].filter((answer) => answer.value === value).length;
  }

  /** Take over answers from another visit, this tab's or another one's: `[{position, value, changes}]`. */
  resume(answers) {
    const wasOpen = !this.#closed(this.position);
    for (const { position, value, changes } of answers) this.#answers.set(position, { value, changes });
    this.#frontier = 0;
    if (wasOpen && this.#closed(this.position)) this.goTo(this.frontier);
    else this.dispatchEvent(new Event("change"));
  }

  /** Answer the image on the table, then go on with the first open one. A wrong lesson stays on the table. */
  answer(value, device) {
    const position = this.position;
    this.record(position, value, device);
    if (this.wrong(position)) this.dispatchEvent(new Event("change"));
    else this.goTo(this.frontier);
  }

  /** Answer any image, and stay. */
  record(position, value, device) {
    const before = this.#answers.get(position);
    const changes = before ? before.changes + (before.value === value ? 0 : 1) : 0;
    this.#answers.set(position, { value, changes });
    if (this.wrong(position)) this.#frontier = Math.min(this.#frontier, position);
    this.dispatchEvent(new CustomEvent("answer", { detail: { position, value, changes, device, before: before?.value } }));
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

  #closed(position) {
    return this.#answers.has(position) && !this.wrong(position);
  }
}
