const FAR = 72;

/** Clicks and taps on a button -> act, with the device. A click made by the keyboard has no pointer. */
export function listenToButton(button, act) {
  button.addEventListener("click", (event) => act(deviceOf(event)));
}

/** Swipe on the stage: to the right is yes, to the left is no. The image follows the finger. */
export function listenToSwipes(stage, image, act) {
  let start = null;

  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" && event.isPrimary) start = { x: event.clientX, y: event.clientY };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!start || !event.isPrimary) return;
    const intent = intentOf(event);
    image.style.transform = `translateX(${event.clientX - start.x}px)`;
    if (intent) stage.dataset.swipe = intent;
    else delete stage.dataset.swipe;
  });
  stage.addEventListener("pointerup", (event) => {
    const intent = start && event.isPrimary ? intentOf(event) : null;
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

function deviceOf(event) {
  if (event.pointerType) return ["mouse", "touch", "pen"].includes(event.pointerType) ? event.pointerType : "unknown";
  return event.detail === 0 ? "key" : "unknown";
}
