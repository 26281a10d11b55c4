import { element } from "./context.js";
import { setUpHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { listenToButton, listenToSwipes } from "./pointer.js";
import { Ring } from "./ring.js";
import { Stage } from "./stage.js";
import { Stopwatch } from "./stopwatch.js";
import { Strip } from "./strip.js";

/** So many answers are on the strip. */
export const LAST = 10;
const AHEAD = 12;
const FLASH = 120;

/**
 * Ties keys, buttons, swipes, images and the strip to a deck: what the task page and the expert page have in common.
 * `onAnswer` gets each answer with its times, `onEnter` the Enter key, `onMove` is called when another image is up.
 */
export function sit({ deck, keys, address, onAnswer, onMove, onEnter = () => {} }) {
  const stopwatch = new Stopwatch();
  const ring = new Ring(address);
  const stage = new Stage(ring, (position) => `Image ${position + 1} of ${deck.of}`);
  const strip = new Strip(element("strip"), address, (position) => deck.goTo(position));
  const buttons = { yes: element("yes"), no: element("no") };
  let working = false;
  let last = "";

  const acts = {
    yes: (device) => answer(true, device),
    no: (device) => answer(false, device),
    back: () => deck.back(),
    forward: () => deck.forward(),
    skip: () => document.getElementById("skip") && !deck.finished && deck.skip(),
  };

  function act(name, device) {
    if (name === "help") openHelp();
    else if (name === "enter") onEnter();
    else if (working) acts[name](device);
  }

  function answer(value, device) {
    if (!stage.ready || deck.finished) return;
    last = value ? "Yes. " : "No. ";
    flash(buttons[value ? "yes" : "no"]);
    deck.answer(value, device);
  }

  deck.addEventListener("answer", ({ detail }) => {
    const { position, value, changes, device, before } = detail;
    onAnswer({ position, value, ...stopwatch.read(position), changes, device }, before);
  });

  deck.addEventListener("move", () => {
    stopwatch.stop();
    ring.hold(deck.nearby(AHEAD));
    if (!deck.finished) stage.show(deck.position);
    const [from, to] = [Math.max(deck.floor, deck.frontier - LAST), deck.frontier];
    strip.draw(deck, Array.from({ length: to - from }, (_, index) => from + index));
    element("back").disabled = deck.position <= deck.floor;
    for (const [word, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", String(deck.value(deck.position) === (word === "yes")));
    }
    onMove();
  });

  stage.addEventListener("shown", ({ detail: position }) => {
    if (!working) return;
    stopwatch.start(position);
    element("announce").textContent = `${last}Image ${position + 1} of ${deck.of}.`;
    last = "";
  });

  const openHelp = setUpHelp(listenToKeys(keys, act));
  for (const [word, button] of Object.entries(buttons)) listenToButton(button, (device) => act(word, device));
  listenToButton(element("back"), () => act("back"));
  if (document.getElementById("skip")) listenToButton(element("skip"), () => act("skip"));
  listenToSwipes(element("stage"), element("image"), act);

  return {
    /** From now on keys answer and time counts. */
    begin() {
      working = true;
      element("stage").focus({ preventScroll: true });
      deck.goTo(deck.position);
    },
    /** From now on nothing can be changed. */
    end() {
      working = false;
      stopwatch.stop();
    },
  };
}

function flash(button) {
  button.classList.add("given");
  setTimeout(() => button.classList.remove("given"), FLASH);
}
