import { element } from "./context.js";

const TINY = 96;
const QUIET_WAIT = 200;

/** Where the image is. Says "shown" once it is decoded and painted; before that nothing can be answered. */
export class Stage extends EventTarget {
  #ring;
  #box = element("stage");
  #image = element("image");
  #wait = element("wait");
  #timer = 0;
  #describe;

  constructor(ring, describe) {
    super();
    this.#ring = ring;
    this.#describe = describe;
    this.position = -1;
    this.ready = false;
    ring.addEventListener("decoded", ({ detail }) => detail === this.position && this.#put());
    ring.addEventListener("missing", ({ detail }) => detail.position === this.position && this.#complain(detail.failures));
  }

  show(position) {
    this.position = position;
    this.#setReady(false);
    this.#wait.textContent = "Loading the image…";
    clearTimeout(this.#timer);
    if (this.#ring.image(position)) {
      this.#put();
    } else {
      this.#image.replaceChildren();
      this.#timer = setTimeout(() => (this.#wait.hidden = false), QUIET_WAIT);
    }
  }

  #put() {
    const position = this.position;
    const image = this.#ring.image(position);
    clearTimeout(this.#timer);
    this.#wait.hidden = true;
    image.alt = this.#describe(position);
    image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= TINY);
    this.#image.replaceChildren(image);
    // A task queued inside an animation frame runs after that frame was painted.
    requestAnimationFrame(() =>
      setTimeout(() => {
        if (this.position !== position || this.ready) return;
        this.#setReady(true);
        this.dispatchEvent(new CustomEvent("shown", { detail: position }));
      }),
    );
  }

  #complain(failures) {
    if (failures < 2) return;
    this.#wait.hidden = false;
    this.#wait.textContent = "The image does not arrive. Trying again…";
  }

  #setReady(ready) {
    this.ready = ready;
    this.#box.dataset.position = this.position;
    this.#box.dataset.ready = ready;
  }
}
