import { fetchFull, fetchImages } from "./batch.js";
import { refusalOf, Refusal, Unreachable } from "./requests.js";

/*
 * Where images come from: `run({start, count, onImage, signal})` brings a run of them in the best size for now,
 * `small(...)` the same as thumbnails. `full.wanted(image)` says whether a picture is smaller than its original, which
 * `full.fetch(position, signal)` brings as a blob.
 */

/** The images of an assignment, many in a request. */
export function fromAssignment(sizer) {
  return {
    async run(wanted) {
      const size = sizer.size();
      sizer.learn(size, await fetchImages({ ...wanted, size }));
    },
    small: (wanted) => fetchImages({ ...wanted, size: sizer.smallest }),
    full: {
      wanted: (image) => sizer.scaled(Math.max(image.naturalWidth, image.naturalHeight)),
      fetch: (position, signal) => fetchFull({ position, signal }),
    },
  };
}

/** Images with an address each, as they are. */
export function fromAddresses(addresses) {
  async function one(position, onImage, signal) {
    let response;
    try {
      response = await fetch(addresses[position], { signal });
      if (response.ok) return onImage(position, await response.blob());
    } catch (error) {
      throw signal?.aborted ? signal.reason : new Unreachable(error.message);
    }
    throw await refusalOf(response);
  }

  async function run({ start, count, onImage, signal }) {
    const positions = Array.from({ length: count }, (_, index) => start + index);
    const results = await Promise.allSettled(positions.map((position) => one(position, onImage, signal)));
    const errors = results.filter((result) => result.status === "rejected").map((result) => result.reason);
    if (errors.length) throw errors.find((error) => error instanceof Refusal) ?? errors[0];
  }

  return { run, small: run, full: { wanted: () => false } };
}
