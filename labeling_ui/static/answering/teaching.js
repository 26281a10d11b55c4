import { say } from "./words.js";

const word = (value) => (value ? "yes" : "no");

/**
 * One line that tells at once whether a lesson was answered right, and why. The deck goes on after a right answer and
 * stays after a wrong one; the line says so, and when the lessons are over.
 */
export class Teaching {
  #deck;
  #line;
  #fresh = false;

  constructor(deck, line) {
    this.#deck = deck;
    this.#line = line;
    if (!deck.lessons.length) return;
    deck.addEventListener("answer", ({ detail }) => this.#judge(detail.position));
    deck.addEventListener("move", () => this.#moved());
  }

  #judge(position) {
    if (position >= this.#deck.lessons.length) return;
    this.#tell(position);
    this.#fresh = !this.#deck.wrong(position);
    if (this.#fresh && this.#deck.frontier === this.#deck.lessons.length) this.#add(say("lesson.over"));
  }

  /** What was said of the last image stays while the next one is looked at. */
  #moved() {
    if (this.#fresh) {
      this.#fresh = false;
      return;
    }
    const { position, lessons } = this.#deck;
    if (position < lessons.length && this.#deck.value(position) !== undefined) this.#tell(position);
    else if (position < lessons.length) this.#say("", say("lesson.begin", { count: lessons.length }));
    else if (position === lessons.length) this.#say("", say("lesson.over"));
    else this.#line.hidden = true;
  }

  #tell(position) {
    const { answer, why } = this.#deck.lessons[position];
    if (this.#deck.wrong(position)) {
      this.#say("wrong", say(`lesson.wrong.${word(answer)}`), why);
      this.#add(say(`lesson.press.${word(answer)}`));
    } else {
      this.#say("right", say(`lesson.right.${word(answer)}`), why);
    }
  }

  #say(state, text, why = "") {
    this.#line.hidden = false;
    this.#line.dataset.state = state;
    this.#line.replaceChildren();
    this.#add(text, "strong");
    if (why) this.#add(why, "span").dir = "auto";
  }

  #add(text, tag = "span") {
    const piece = document.createElement(tag);
    piece.textContent = text;
    this.#line.append(piece, " ");
    return piece;
  }
}
