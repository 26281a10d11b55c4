import { context } from "./context.js";
import { refusalOf, Refusal, Unreachable } from "./requests.js";

const STALLED = 20_000;
const LENGTH = 4;

/**
 * Fetch a run of images in one request: `count` from `start` on, at most `size` pixels long.
 * `onImage(position, blob)` gets each one as soon as its last byte is there, while the others are still on their way.
 * Resolves with `{images, bytes, ms}`, what came and how long it took after the first byte.
 * Throws Refusal, Unreachable (some images may have come), or the signal's reason once it is aborted.
 */
export async function fetchImages({ start, count, size, onImage, signal }) {
  const query = new URLSearchParams({ start, count, size });
  const line = new Line(signal);
  try {
    const response = await line.open(`${context.endpoints.images}?${query}`);
    const frames = new Frames();
    const reader = response.body.getReader();
    const began = performance.now();
    let position = start;
    for (let bytes = 0; ; ) {
      const { done, value } = await line.patiently(reader.read());
      if (done) {
        if (!frames.empty) throw new Unreachable("The images broke off.");
        return { images: position - start, bytes, ms: performance.now() - began };
      }
      bytes += value.byteLength;
      for (const image of frames.take(value)) onImage(position++, image);
    }
  } catch (error) {
    throw line.explain(error);
  } finally {
    line.close();
  }
}

/** One image at full resolution, as a blob. Throws like `fetchImages`. */
export async function fetchFull({ position, signal }) {
  const line = new Line(signal);
  try {
    const response = await line.open(context.endpoints.full.replace("{position}", position));
    return await line.patiently(response.blob());
  } catch (error) {
    throw line.explain(error);
  } finally {
    line.close();
  }
}

/** A request that gives up when nothing came for a while, or when its caller has lost interest. */
class Line {
  #own = new AbortController();
  #signal;
  #timer = 0;
  #hangUp = () => this.#own.abort(this.#signal.reason);

  constructor(signal) {
    this.#signal = signal;
    if (signal?.aborted) this.#hangUp();
    signal?.addEventListener("abort", this.#hangUp);
  }

  async open(address) {
    const headers = { Authorization: `Bearer ${context.token}` };
    const response = await this.patiently(fetch(address, { headers, signal: this.#own.signal }));
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  patiently(promise) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#own.abort(), STALLED);
    return promise;
  }

  explain(error) {
    if (this.#signal?.aborted) return this.#signal.reason;
    return error instanceof Refusal || error instanceof Unreachable ? error : new Unreachable(error.message);
  }

  close() {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#hangUp);
    this.#own.abort();
  }
}

/** Takes a stream apart: four bytes of length, big end first, then so many bytes of an image, and so on. */
class Frames {
  #chunks = [];
  #size = 0;
  #wanted = null;

  /** Whether nothing is left over: a stream that ends in the middle of an image was cut off. */
  get empty() {
    return this.#size === 0 && this.#wanted === null;
  }

  /** The images that are complete with this chunk. */
  take(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    const images = [];
    for (;;) {
      if (this.#wanted === null) {
        if (this.#size < LENGTH) return images;
        this.#wanted = new DataView(this.#cut(LENGTH).buffer).getUint32(0);
      }
      if (this.#size < this.#wanted) return images;
      images.push(new Blob([this.#cut(this.#wanted)]));
      this.#wanted = null;
    }
  }

  /** The next `length` bytes, in a piece of memory of their own. */
  #cut(length) {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const part = this.#chunks[0].subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.byteLength;
      if (part.byteLength === this.#chunks[0].byteLength) this.#chunks.shift();
      else this.#chunks[0] = this.#chunks[0].subarray(part.byteLength);
    }
    this.#size -= length;
    return bytes;
  }
}
