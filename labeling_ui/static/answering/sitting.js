import { element } from "./context.js";
import { setUpHelp } from "./help.js";
import { Keyboard } from "./keys.js";
import { Pictures } from "./pictures.js";
import { listenToButton, listenToSwipes } from "./pointer.js";
import { Ring } from "./ring.js";
import { Stage } from "./stage.js";
import { Stopwatch } from "./stopwatch.js";
import { Strip } from "./strip.js";
import { say } from "./words.js";
import { Zoom } from "./zoom.js";

/** So many answers are on the strip. */
export const LAST = 10;
const FLASH = 120;

/**
 * Ties keys, buttons, swipes, images and the strip to a deck: what the task page and the expert page have in common.
 * `source` is where images come from (see sources.js), `until` the first one that another sitting shows. `onAnswer` gets
 * each answer with its times, `onEnter` the Enter key, `onMove` is called when another image is up or an answer has
 * changed, `onRefused` when images are refused.
 */
export function sit(options) {
  return new Sitting(options);
}

class Sitting {
  #deck;
  #ring;
  #stage;
  #zoom;
  #strip;
  #options;
  #buttons = { yes: element("yes"), no: element("no") };
  #working = false;
  #last = "";
  #acts = {
    yes: (device) => this.#answer(true, device),
    no: (device) => this.#answer(false, device),
    back: () => this.#deck.back(),
    forward: () => this.#deck.forward(),
    zoom: () => this.#zoom.toggle(),
    escape: () => this.#zoom.close(),
    skip: () => document.getElementById("skip") && !this.#deck.finished && this.#deck.skip(),
  };

  constructor({ deck, keys, source, until = deck.of, onRefused, ...options }) {
    this.#deck = deck;
    this.#options = { onEnter() {}, ...options };
    this.stopwatch = new Stopwatch();
    this.#ring = new Ring(source.run, until);
    this.pictures = new Pictures(this.#ring, source.small);
    this.#stage = new Stage(this.#ring, (position) => say("image", { number: position + 1, of: deck.of }));
    this.#zoom = new Zoom(this.#stage, source.full);
    this.#strip = new Strip(element("strip"), this.pictures, (position) => deck.goTo(position));
    this.#ring.addEventListener("refused", ({ detail }) => onRefused(detail));
    this.#followDeck();
    this.#listen(keys);
  }

  /** Fetch images already: the first one is there when the work begins. */
  prepare() {
    this.#ring.hold(this.#deck.position, this.#deck.frontier);
  }

  /** From now on keys answer and time counts. */
  begin() {
    this.#working = true;
    element("stage").focus({ preventScroll: true });
    this.#deck.goTo(this.#deck.position);
  }

  /** From now on nothing can be changed. */
  end() {
    this.#working = false;
    this.stopwatch.stop();
    this.#zoom.close();
    this.#ring.close();
  }

  #followDeck() {
    const deck = this.#deck;
    deck.addEventListener("answer", ({ detail: { before, ...answer } }) => {
      if (!this.#working) return;
      this.#options.onAnswer({ ...answer, ...this.stopwatch.read(answer.position) }, before);
    });
    deck.addEventListener("change", () => this.#working && this.#draw());
    deck.addEventListener("move", () => {
      if (!this.#working) return;
      this.stopwatch.stop();
      this.#zoom.close();
      // The image first: everything else may wait for the next frame.
      if (!deck.finished) this.#stage.show(deck.position);
      this.#ring.hold(deck.position, deck.frontier);
      this.#draw();
    });
    this.#stage.addEventListener("shown", ({ detail: position }) => {
      if (!this.#working) return;
      this.stopwatch.start(position);
      element("announce").textContent = this.#last + say("image.up", { number: position + 1, of: deck.of });
      this.#last = "";
    });
  }

  #draw() {
    const deck = this.#deck;
    const [from, to] = [Math.max(deck.floor, deck.frontier - LAST), deck.frontier];
    this.#strip.draw(deck, Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index));
    element("back").disabled = deck.position <= deck.floor;
    for (const [word, button] of Object.entries(this.#buttons)) {
      button.setAttribute("aria-pressed", String(deck.value(deck.position) === (word === "yes")));
    }
    this.#options.onMove();
  }

  #listen(keys) {
    const act = (name, device) => this.#act(name, device);
    const openHelp = setUpHelp(new Keyboard(keys, act));
    this.#acts.help = openHelp;
    for (const [word, button] of Object.entries(this.#buttons)) listenToButton(button, (device) => act(word, device));
    listenToButton(element("back"), () => act("back"));
    if (document.getElementById("skip")) listenToButton(element("skip"), () => act("skip"));
    listenToSwipes(element("stage"), element("image"), act);
  }

  #act(name, device) {
    if (name === "enter") this.#options.onEnter();
    else if (name === "help" || this.#working) this.#acts[name](device);
  }

  #answer(value, device) {
    if (!this.#stage.ready || this.#deck.finished) return;
    this.#last = `${say(value ? "said.yes" : "said.no")} `;
    flash(this.#buttons[value ? "yes" : "no"]);
    this.#deck.answer(value, device);
  }
}

function flash(button) {
  button.classList.add("given");
  setTimeout(() => button.classList.remove("given"), FLASH);
}
