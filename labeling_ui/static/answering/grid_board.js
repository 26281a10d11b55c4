import { codeOf } from "./grid_layout.js";
import { listenToButton } from "./pointer.js";

const TINY = 96;
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/**
 * The tiles of the screen on the table, in rows. One tile at a time can be reached with Tab, arrows go on from there.
 * The tiles stay when the screen changes, so focus and letters stay, too. `toggle(index, device)` is called on a click.
 */
export class Board {
  #box;
  #tiles;
  #shown = 0;
  #current = 0;
  #labels = (code) => code.replace(/^(Key|Digit)/, "");

  constructor(box, tiles, toggle) {
    this.#box = box;
    this.#tiles = Array.from({ length: tiles }, () => makeTile());
    this.#tiles.forEach(({ button }, index) => listenToButton(button, (device) => toggle(index, device)));
    this.columns = 0;
    this.#learnLabels();
  }

  /** Put the tiles into rows of so many. */
  arrange(columns) {
    if (columns === this.columns) return;
    const focused = this.hasFocus;
    this.columns = columns;
    this.#box.style.setProperty("--columns", columns);
    const rows = Array.from({ length: Math.ceil(this.#tiles.length / columns) }, (_, row) => {
      const line = document.createElement("div");
      line.setAttribute("role", "row");
      line.append(...this.#tiles.slice(row * columns, (row + 1) * columns).map(({ cell }) => cell));
      return line;
    });
    this.#box.replaceChildren(...rows);
    this.#writeLabels();
    if (focused) this.focus(this.#current);
  }

  /** Another screen of so many images: all tiles empty, those too many gone. */
  clear(shown) {
    this.#shown = shown;
    this.#tiles.forEach(({ cell, button, picture }, index) => {
      cell.hidden = index >= shown;
      picture.replaceChildren();
      button.setAttribute("aria-disabled", "true");
    });
  }

  put(index, image) {
    const { picture, button } = this.#tiles[index];
    image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= TINY);
    picture.replaceChildren(image);
    button.removeAttribute("aria-disabled");
  }

  /** How a tile stands: its name for those who hear it, and the sign of its mark. */
  mark(index, { name, marked, value }) {
    const { button, sign } = this.#tiles[index];
    button.setAttribute("aria-label", name);
    button.setAttribute("aria-pressed", String(marked));
    button.dataset.said = value ? "yes" : "no";
    sign.textContent = value ? "✓" : "✕";
  }

  get hasFocus() {
    return this.#box.contains(document.activeElement);
  }

  get current() {
    return this.#current;
  }

  focus(index) {
    this.point(index);
    this.#tiles[this.#current].button.focus({ preventScroll: true });
  }

  /** Tab comes to this tile. */
  point(index) {
    this.#current = Math.max(0, Math.min(index, this.#shown - 1));
    this.#tiles.forEach(({ button }, at) => (button.tabIndex = at === this.#current ? 0 : -1));
  }

  /** Move the focus as an arrow key, Home or End wants it; false for any other key. */
  step(key) {
    const [at, columns] = [this.#current, this.columns];
    const start = at - (at % columns);
    const steps = { ...STEPS, ArrowUp: -columns, ArrowDown: columns };
    const target = key === "Home" ? start : key === "End" ? start + columns - 1 : at + steps[key];
    if (Number.isNaN(target)) return false;
    const off = target < 0 || (target >= this.#shown && key !== "End");
    this.focus(off || !this.hasFocus ? at : target);
    return true;
  }

  #writeLabels() {
    this.#tiles.forEach(({ button, letter }, index) => {
      letter.textContent = this.#labels(codeOf(index, this.columns));
      letter.hidden = !letter.textContent;
      button.setAttribute("aria-keyshortcuts", letter.textContent);
    });
  }

  /** Where the browser tells what is printed on the keys, show that: on a French keyboard the tile of Q says A. */
  async #learnLabels() {
    try {
      const layout = await navigator.keyboard.getLayoutMap();
      const plain = this.#labels;
      this.#labels = (code) => (code.startsWith("Key") && layout.get(code)?.toUpperCase()) || plain(code);
    } catch {
      return; // Not every browser has it, and not every frame may ask.
    }
    this.#writeLabels();
  }
}

function makeTile() {
  const make = (name, className, hide = true) => {
    const made = document.createElement(name);
    made.className = className;
    if (hide) made.setAttribute("aria-hidden", "true");
    return made;
  };
  const cell = make("div", "tile-cell", false);
  const button = make("button", "tile", false);
  const [picture, letter, sign] = [make("span", "tile-picture"), make("kbd", "tile-letter"), make("span", "tile-sign")];
  cell.setAttribute("role", "gridcell");
  button.type = "button";
  button.append(picture, letter, sign);
  cell.append(button);
  return { cell, button, picture, letter, sign };
}
