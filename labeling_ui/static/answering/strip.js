import { say } from "./words.js";

const SIGNS = { true: { word: "yes", sign: "✓" }, false: { word: "no", sign: "✕" } };

/** A film strip of answered images; choosing one goes back to it. Keeps its elements, so nothing flickers. */
export class Strip {
  #list;
  #pictures;
  #choose;
  #items = new Map();

  constructor(list, pictures, choose) {
    this.#list = list;
    this.#pictures = pictures;
    this.#choose = choose;
  }

  /** Show these positions of the deck, in this order. */
  draw(deck, positions) {
    for (const [position, item] of this.#items) {
      if (positions.includes(position)) continue;
      item.remove();
      this.#items.delete(position);
    }
    const fresh = new Map();
    for (const position of positions) {
      if (!this.#items.has(position)) fresh.set(position, this.#make(position));
      const item = this.#items.get(position);
      this.#mark(item.firstChild, position, deck);
      if (!item.isConnected) this.#list.append(item);
    }
    this.#sort(positions);
    this.#pictures.fill(fresh);
  }

  #sort(positions) {
    positions.forEach((position, index) => {
      const item = this.#items.get(position);
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
  }

  /** A new item; returns its image, which has no picture yet. */
  #make(position) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    const sign = document.createElement("span");
    button.type = "button";
    button.addEventListener("click", () => this.#choose(position));
    image.alt = "";
    image.decoding = "async";
    sign.setAttribute("aria-hidden", "true");
    sign.className = "said-sign";
    button.append(image, sign);
    item.append(button);
    this.#items.set(position, item);
    return image;
  }

  #mark(button, position, deck) {
    const { word, sign } = SIGNS[deck.value(position)] ?? { word: "skipped", sign: "·" };
    button.className = `said-${word}`;
    button.lastChild.textContent = sign;
    button.setAttribute("aria-label", say(`strip.${word}`, { number: position + 1 }));
    button.setAttribute("aria-current", String(position === deck.position));
  }
}
