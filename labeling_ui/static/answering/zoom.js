import { element } from "./context.js";
import { listenToButton, listenToDoubles } from "./pointer.js";
import { say } from "./words.js";

/** At least so much bigger than on the stage. */
const LEAST = 2;
const STEP = 120;

/**
 * The image on the stage, bigger: it lies in a box that scrolls, is dragged by the mouse, and is moved by Shift and arrows.
 * `full(position, signal)` fetches the original, as a blob; null where what is shown is all there is.
 */
export class Zoom {
  #stage;
  #full;
  #box = element("zoom");
  #button = element("zoom-open");
  #note = element("zoom-note");
  #abort = null;

  constructor(stage, full) {
    this.#stage = stage;
    this.#full = full;
    listenToButton(this.#button, () => this.toggle());
    listenToDoubles(element("stage"), (event) => this.toggle(event));
    this.#listenToDrags();
    document.addEventListener("keydown", (event) => this.#pan(event), { capture: true });
  }

  get open() {
    return !this.#box.hidden;
  }

  /** `point` has clientX and clientY: what is there stays in sight. */
  toggle(point) {
    if (this.open) this.close();
    else if (this.#stage.ready) this.#show(this.#stage.image, point);
  }

  close() {
    if (!this.open) return;
    this.#abort.abort();
    this.#box.hidden = true;
    this.#box.replaceChildren();
    this.#note.textContent = "";
    this.#mark();
  }

  #mark() {
    this.#button.setAttribute("aria-pressed", String(this.open));
    element("stage").dataset.zoomed = this.open;
  }

  #show(shown, point) {
    const { left, top, width, height } = this.#stage.picture;
    const place = point
      ? { x: clamp((point.clientX - left) / width), y: clamp((point.clientY - top) / height) }
      : { x: 0.5, y: 0.5 };
    const image = shown.cloneNode();
    image.className = "";
    this.#box.replaceChildren(image);
    this.#box.hidden = false;
    this.#mark();
    this.#fit(image, width, shown.naturalWidth, place);
    this.#abort = new AbortController();
    if (this.#full.wanted(shown)) this.#sharpen(image, width, this.#abort.signal);
  }

  /** So wide that a pixel of the picture is a pixel of the screen; `place` of it comes to the middle. */
  #fit(image, fitted, natural, place) {
    const wide = Math.max(LEAST * fitted, natural / devicePixelRatio);
    image.width = Math.round(wide);
    this.#box.scrollLeft = place.x * this.#box.scrollWidth - this.#box.clientWidth / 2;
    this.#box.scrollTop = place.y * this.#box.scrollHeight - this.#box.clientHeight / 2;
  }

  async #sharpen(image, fitted, signal) {
    this.#note.textContent = say("zoom.loading");
    try {
      const blob = await this.#full.fetch(this.#stage.position, signal);
      const sharp = new Image();
      sharp.src = URL.createObjectURL(blob);
      await sharp.decode().finally(() => URL.revokeObjectURL(sharp.src));
      if (signal.aborted) return;
      const box = this.#box;
      const place = {
        x: (box.scrollLeft + box.clientWidth / 2) / box.scrollWidth,
        y: (box.scrollTop + box.clientHeight / 2) / box.scrollHeight,
      };
      sharp.alt = image.alt;
      sharp.draggable = false;
      image.replaceWith(sharp);
      this.#fit(sharp, fitted, sharp.naturalWidth, place);
      this.#note.textContent = "";
    } catch {
      if (!signal.aborted) this.#note.textContent = say("zoom.failed");
    }
  }

  /** Fingers scroll by themselves; a mouse takes hold of the picture. */
  #listenToDrags() {
    const box = this.#box;
    let last = null;
    box.addEventListener("pointerdown", (event) => {
      const onPicture = event.offsetX < box.clientWidth || event.target !== box;
      if (event.pointerType !== "mouse" || event.button || !onPicture) return;
      last = event;
      box.setPointerCapture(event.pointerId);
    });
    box.addEventListener("pointermove", (event) => {
      if (!last) return;
      box.scrollBy(last.clientX - event.clientX, last.clientY - event.clientY);
      last = event;
    });
    for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, () => (last = null));
  }

  #pan(event) {
    if (!this.open || !event.shiftKey || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    const [across, along] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    this.#box.scrollBy(across * STEP, along * STEP);
  }
}

const clamp = (share) => Math.min(1, Math.max(0, share));
