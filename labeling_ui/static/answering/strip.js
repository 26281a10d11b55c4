const SIGNS = { true: { word: "yes", sign: "✓" }, false: { word: "no", sign: "✕" } };

/** A film strip of answered images; choosing one goes back to it. Keeps its elements, so nothing flickers. */
export class Strip {
  #list;
  #address;
  #choose;
  #items = new Map();

  constructor(list, address, choose) {
    this.#list = list;
    this.#address = address;
    this.#choose = choose;
  }

  /** Show these positions of the deck, in this order. */
  draw(deck, positions) {
    for (const [position, item] of this.#items) {
      if (positions.includes(position)) continue;
      item.remove();
      this.#items.delete(position);
    }
    for (const position of positions) {
      const item = this.#items.get(position) ?? this.#make(position);
      this.#mark(item.firstChild, position, deck);
      if (!item.isConnected) this.#list.append(item);
    }
    this.#sort(positions);
  }

  #sort(positions) {
    positions.forEach((position, index) => {
      const item = this.#items.get(position);
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
  }

  #make(position) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    const sign = document.createElement("span");
    button.type = "button";
    button.addEventListener("click", () => this.#choose(position));
    image.alt = "";
    image.loading = "lazy";
    image.fetchPriority = "low";
    image.src = this.#address(position);
    sign.setAttribute("aria-hidden", "true");
    sign.className = "said-sign";
    button.append(image, sign);
    item.append(button);
    this.#items.set(position, item);
    return item;
  }

  #mark(button, position, deck) {
    const value = deck.value(position);
    const { word, sign } = SIGNS[value] ?? { word: "skipped", sign: "·" };
    button.className = `said-${word}`;
    button.lastChild.textContent = sign;
    button.setAttribute("aria-label", `Image ${position + 1}: ${word}. Go back to it`);
    button.setAttribute("aria-current", String(position === deck.position));
  }
}
