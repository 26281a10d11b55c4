const FAR = 72;
const STILL = 12;
const DOUBLE = 350;

/**
 * Presses of a button -> act, with the device. A finger or pen acts when it is lifted: after a quick swipe Chromium takes
 * the next tap for the end of a fling and makes no click of it, but pointer events always come.
 * A click made by the keyboard has no pointer.
 */
export function listenToButton(button, act) {
  let down = null;
  button.addEventListener("pointerdown", (event) => (down = event.isPrimary && event.pointerType !== "mouse" ? event : null));
  button.addEventListener("pointercancel", () => (down = null));
  button.addEventListener("pointerup", (event) => {
    if (down?.pointerId !== event.pointerId) return;
    down = null;
    if (!button.disabled && inside(button, event)) act(deviceOf(event));
  });
  // The finger has acted already: no click after it.
  button.addEventListener("touchend", (event) => event.cancelable && event.preventDefault());
  button.addEventListener("click", (event) => event.pointerType !== "pen" && act(deviceOf(event)));
}

/** Swipe on the stage: to the right is yes, to the left is no. The image follows the finger. */
export function listenToSwipes(stage, image, act) {
  let start = null;
  const zoomed = () => (window.visualViewport?.scale ?? 1) > 1.05 || stage.dataset.zoomed === "true";
  // Where the page is pinched bigger, a finger moves the page.
  window.visualViewport?.addEventListener("resize", () => stage.classList.toggle("pinched", window.visualViewport.scale > 1.05));

  stage.addEventListener("pointerdown", (event) => {
    const swipes = event.pointerType !== "mouse" && event.isPrimary && !zoomed();
    if (swipes) start = { x: event.clientX, y: event.clientY, id: event.pointerId };
    else reset();
  });
  stage.addEventListener("pointermove", (event) => {
    if (start?.id !== event.pointerId) return;
    const intent = intentOf(event);
    image.style.transform = `translateX(${event.clientX - start.x}px)`;
    if (intent) stage.dataset.swipe = intent;
    else delete stage.dataset.swipe;
  });
  stage.addEventListener("pointerup", (event) => {
    const intent = start?.id === event.pointerId ? intentOf(event) : null;
    reset();
    if (intent) act(intent, deviceOf(event));
  });
  stage.addEventListener("pointercancel", reset);

  function intentOf(event) {
    const [across, along] = [event.clientX - start.x, event.clientY - start.y];
    if (Math.abs(across) < FAR || Math.abs(across) < 2 * Math.abs(along)) return null;
    return across > 0 ? "yes" : "no";
  }

  function reset() {
    start = null;
    image.style.transform = "";
    delete stage.dataset.swipe;
  }
}

/** Two clicks or taps at about the same place -> act, with the second one's event. Touch makes no "dblclick" everywhere. */
export function listenToDoubles(box, act) {
  let down = null;
  let last = null;
  box.addEventListener("pointerdown", (event) => (down = event.isPrimary && event.button === 0 ? event : null));
  box.addEventListener("pointercancel", () => (down = last = null));
  box.addEventListener("pointerup", (event) => {
    if (down?.pointerId !== event.pointerId || event.target.closest("button") || !near(down, event)) return (last = null);
    const double = last && event.timeStamp - last.timeStamp < DOUBLE && near(last, event);
    last = double ? null : event;
    if (double) act(event);
  });
}

const near = (one, other) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) < 2 * STILL;

function inside(button, { clientX, clientY }) {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}

function deviceOf(event) {
  if (event.pointerType) return ["mouse", "touch", "pen"].includes(event.pointerType) ? event.pointerType : "unknown";
  return event.detail === 0 ? "key" : "unknown";
}
