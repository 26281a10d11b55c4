import { patience } from "./patience.js";
import { Unreachable } from "./requests.js";

/** A request for thumbnails brings so many at most. */
const MOST = 150;
const TRIES = 5;

/** Small pictures for strips: what the ring has is used again, and all others come in one request. */
export class Pictures {
  #ring;
  #small;

  constructor(ring, small) {
    this.#ring = ring;
    this.#small = small;
  }

  /** Give each of these images its picture: `images` are elements by position, in order. */
  fill(images) {
    const missing = [...images].filter(([position, image]) => {
      const there = this.#ring.image(position);
      if (there) image.src = there.src;
      return !there;
    });
    for (let from = 0; from < missing.length; from += MOST) this.#fetch(new Map(missing.slice(from, from + MOST)));
  }

  async #fetch(images) {
    const wanted = new Map(images);
    for (let failures = 0; wanted.size && failures < TRIES; ) {
      const positions = [...wanted.keys()];
      const [start, end] = [Math.min(...positions), Math.max(...positions)];
      try {
        await this.#small({ start, count: Math.min(end - start + 1, MOST), onImage: (at, blob) => put(at, blob) });
      } catch (error) {
        if (!(error instanceof Unreachable)) return;
      }
      failures += 1;
      if (wanted.size) await patience(failures);
    }

    function put(position, blob) {
      const image = wanted.get(position);
      if (!image) return;
      wanted.delete(position);
      const address = URL.createObjectURL(blob);
      image.onload = image.onerror = () => URL.revokeObjectURL(address);
      image.src = address;
    }
  }
}
