import { element } from "./context.js";
import { say } from "./words.js";

const TINY = 96;
const QUIET_WAIT = 200;

/**
 * Where the image is. Says "shown" once it is decoded and painted; before that nothing can be answered.
 * Leaves a performance measure "paint" for each image, from the moment it was asked for until it was on screen.
 */
export class Stage extends EventTarget {
  #ring;
  #box = element("stage");
  #image = element("image");
  #wait = element("wait");
  #timer = 0;
  #asked = 0;
  #describe;

  constructor(ring, describe) {
    super();
    this.#ring = ring;
    this.#describe = describe;
    this.position = -1;
    this.ready = false;
    ring.addEventListener("decoded", ({ detail }) => {
      if (detail === this.position && !this.image) this.#put();
      else if (detail === this.position + 1 && this.ready) this.#prime();
    });
    ring.addEventListener("missing", ({ detail }) => this.position >= 0 && !this.image && this.#complain(detail.failures));
  }

  /** The element on the stage, or null while it is on its way. */
  get image() {
    return this.#image.querySelector("img:not([aria-hidden])");
  }

  /** Where the picture itself is on the screen: a stage may be wider or higher than it. */
  get picture() {
    const { left, top, width, height } = this.image.getBoundingClientRect();
    const scale = Math.min(width / this.image.naturalWidth, height / this.image.naturalHeight);
    const [wide, high] = [this.image.naturalWidth * scale, this.image.naturalHeight * scale];
    return { left: left + (width - wide) / 2, top: top + (height - high) / 2, width: wide, height: high };
  }

  show(position) {
    this.#asked = performance.now();
    this.position = position;
    this.#setReady(false);
    clearTimeout(this.#timer);
    if (this.#ring.image(position)) return this.#put();
    this.#image.replaceChildren();
    this.#wait.textContent = say("image.loading");
    this.#timer = setTimeout(() => (this.#wait.hidden = false), QUIET_WAIT);
  }

  #put() {
    const position = this.position;
    const image = this.#ring.image(position);
    clearTimeout(this.#timer);
    this.#wait.hidden = true;
    image.alt = this.#describe(position);
    image.removeAttribute("aria-hidden");
    image.classList.toggle("tiny", tiny(image));
    for (const other of [...this.#image.children]) if (other !== image) other.remove();
    if (!image.isConnected) this.#image.append(image);
    // A task queued inside an animation frame runs after that frame was painted.
    requestAnimationFrame(() =>
      setTimeout(() => {
        if (this.position !== position || this.ready) return;
        this.#setReady(true);
        this.#prime();
        performance.measure("paint", { start: this.#asked, detail: { position } });
        this.dispatchEvent(new CustomEvent("shown", { detail: position }));
      }),
    );
  }

  /** Lay the next image under this one, as a layer of its own: when its time comes it is drawn already. */
  #prime() {
    const next = this.#ring.image(this.position + 1);
    if (!next || next.isConnected || tiny(this.image)) return;
    next.alt = "";
    next.setAttribute("aria-hidden", "true");
    this.#image.prepend(next);
  }

  #complain(failures) {
    if (failures < 2) return;
    this.#wait.hidden = false;
    this.#wait.textContent = say("image.missing");
  }

  #setReady(ready) {
    this.ready = ready;
    this.#box.dataset.position = this.position;
    this.#box.dataset.ready = ready;
  }
}

const tiny = (image) => Math.max(image.naturalWidth, image.naturalHeight) <= TINY;
