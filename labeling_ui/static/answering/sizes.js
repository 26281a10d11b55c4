/** A picture may be enlarged by a quarter: that is still sharp enough to answer, and zooming brings all of it. */
const SOFT = 1.25;
/** Most pictures are no wider than this, next to their height. */
const ASPECT = 4 / 3;
const LARGEST = 1280;
/** Milliseconds an image may take on the line: people answer up to five in a second for a while, but rarely more than two. */
const SLOW = 350;
/** The next larger size has about so many times the bytes. */
const GROWTH = 3.5;
/** Turn to a larger size only where it will surely not turn back at once. */
const SURE = 0.7;
const FIRST_ON_SLOW_LINES = 320;

/** The room of a stage in CSS pixels; before it is on the page, about what it will have. */
export const roomOf = (stage) => () =>
  stage.clientWidth
    ? { width: stage.clientWidth, height: stage.clientHeight }
    : { width: Math.min(innerWidth, 1216), height: innerHeight * 0.72 };

/** Chooses the size in which images are fetched: by the room there is for them, the screen and the line. */
export class Sizer {
  #sizes;
  #room;
  #most = Infinity;
  #pace = null;

  /** `sizes` are the longest sides on offer; `room()` gives width and height in CSS pixels. */
  constructor(sizes, room, line = navigator.connection) {
    this.#sizes = [...sizes].sort((one, other) => one - other);
    this.#room = room;
    if (line?.saveData || ["slow-2g", "2g", "3g"].includes(line?.effectiveType)) this.#most = FIRST_ON_SLOW_LINES;
  }

  get smallest() {
    return this.#sizes[0];
  }

  /** Whether a picture of this longest side was made smaller: smaller originals come as they are. */
  scaled(longest) {
    return this.#sizes.includes(longest);
  }

  /** The size to ask for next. */
  size() {
    const { width, height } = this.#room();
    const longest = Math.min(Math.max(width, height), Math.min(width, height) * ASPECT) * devicePixelRatio;
    const allowed = this.#sizes.filter((size) => size <= Math.min(LARGEST, this.#most));
    return allowed.find((size) => size * SOFT >= longest) ?? allowed.at(-1) ?? this.smallest;
  }

  /** What a request of this size has taught about the line. */
  learn(size, { images, ms }) {
    if (images < 2) return;
    this.#pace = this.#pace === null ? ms / images : (this.#pace + ms / images) / 2;
    const at = this.#sizes.indexOf(size);
    if (this.#pace > SLOW && at > 0) this.#turnTo(this.#sizes[at - 1], this.#pace / GROWTH);
    else if (this.#pace * GROWTH < SLOW * SURE && size >= this.#most) this.#turnTo(this.#sizes[at + 1] ?? Infinity, this.#pace * GROWTH);
  }

  #turnTo(most, pace) {
    this.#most = most;
    this.#pace = pace;
  }
}
