// Put into every measured page before its own scripts: when a key went down, and when the next image was on the screen.
// It looks at the uppermost picture in #stage from outside and asks nothing of the page. Times are performance.now().
(() => {
  // prepared: the page had done its part of the frame with the image; presented: that frame was on the screen.
  const bench = (window.bench = { keys: [], prepared: [], presented: [] });
  const mark = document.createElement("div");
  let last = null;
  let found = 0;
  let waiting = [];

  addEventListener("keydown", (event) => "fj".includes(event.key) && bench.keys.push(event.timeStamp), { capture: true });

  /** Resolves once `count` images were on the screen and the page says no more that it takes no answer. */
  bench.until = (count) => new Promise((resolve) => (waiting.push({ count, resolve }), tell()));

  function tell() {
    const ready = document.getElementById("stage")?.dataset.ready !== "false";
    const done = ({ count }) => ready && bench.prepared.length >= count;
    for (const { resolve } of waiting.filter(done)) resolve();
    waiting = waiting.filter((one) => !done(one));
  }

  /** The picture that lies on top in the middle of the stage: one underneath is not seen. */
  function uppermost() {
    const box = document.getElementById("stage")?.getBoundingClientRect();
    if (!box?.width) return null;
    const pile = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return pile.find((one) => one instanceof HTMLImageElement && one.src) ?? null;
  }

  function look() {
    const image = uppermost();
    if (image && image.src !== last) {
      last = image.src;
      follow(image, found);
      found += 1;
    }
    tell();
  }

  async function follow(image, number) {
    if (!image.complete) await image.decode();
    // A new word in a corner of the same frame: the compositor says when it showed that frame (Element Timing).
    const word = document.createElement("div");
    word.setAttribute("elementtiming", String(number));
    word.textContent = String(number);
    mark.append(word);
    // The compositor's word comes after the frame; an element that is gone by then gets none.
    if (mark.childElementCount > 8) mark.firstElementChild.remove();
    if (!mark.isConnected) document.documentElement.append(mark);
    // A task that is queued inside an animation frame runs after that frame was painted.
    requestAnimationFrame(() =>
      setTimeout(() => {
        bench.prepared[number] = performance.now();
        tell();
      }),
    );
  }

  Object.assign(mark.style, { position: "fixed", right: "0", bottom: "0", font: "10px monospace", pointerEvents: "none" });
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["src", "hidden", "class", "style", "data-ready", "data-position"],
  });
  new PerformanceObserver((list) => {
    for (const { identifier, renderTime } of list.getEntries()) bench.presented[Number(identifier)] = renderTime;
  }).observe({ type: "element", buffered: true });
})();
