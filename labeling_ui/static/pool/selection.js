/** Which images are selected, and where the keyboard is: the checkboxes themselves hold both. */
export class Selection {
  #grid;
  #bar;
  #anchor;

  constructor(grid, bar) {
    this.#grid = grid;
    this.#bar = bar;
    grid.addEventListener("change", ({ target }) => {
      this.#anchor = target;
      this.#count();
    });
    grid.addEventListener("click", (event) => this.#click(event));
    grid.addEventListener("focusin", ({ target }) => target.matches("input") && this.#rove(target));
    this.drew();
  }

  get boxes() {
    return [...this.#grid.querySelectorAll("input")];
  }

  get size() {
    return this.#grid.querySelectorAll(":checked").length;
  }

  /** The checkbox that has the focus, or had it last. */
  get here() {
    return this.#grid.querySelector("input[tabindex='0']");
  }

  /** Tiles have come or were exchanged: one of them is in the order of the Tab key, the arrows lead to the others. */
  drew() {
    const boxes = this.boxes;
    const here = boxes.find((box) => box.tabIndex === 0 && box.hasAttribute("tabindex")) ?? boxes[0];
    for (const box of boxes) box.tabIndex = box === here ? 0 : -1;
    for (const link of this.#grid.querySelectorAll(".ways a")) link.tabIndex = -1;
    this.#count();
  }

  clear() {
    for (const box of this.boxes) box.checked = false;
    this.#count();
  }

  all() {
    for (const box of this.boxes) box.checked = true;
    this.#count();
  }

  /** Give everything between the anchor and `end` the anchor's state. */
  stretch(end) {
    const boxes = this.boxes;
    const from = boxes.indexOf(this.#anchor?.isConnected ? this.#anchor : this.here);
    const to = boxes.indexOf(end);
    if (from < 0 || to < 0) return;
    const checked = boxes[from].checked || !this.#anchor;
    for (const box of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) box.checked = checked;
    this.#count();
  }

  /** From here on a stretch begins at `box`, which becomes `checked`. */
  anchor(box, checked) {
    box.checked = checked;
    this.#anchor = box;
    this.#count();
  }

  #click(event) {
    if (!event.shiftKey || !event.target.closest("label")) return;
    const box = event.target.closest("li").querySelector("input");
    if (!this.#anchor?.isConnected || box === this.#anchor) return;
    event.preventDefault();
    // The browser puts a prevented checkbox back to what it was: the stretch is drawn after that.
    setTimeout(() => {
      this.stretch(box);
      box.focus();
    });
  }

  #rove(box) {
    this.here?.setAttribute("tabindex", "-1");
    box.tabIndex = 0;
  }

  #count() {
    const { size } = this;
    this.#bar.dataset.selected = size;
    document.getElementById("chosen").textContent = size ? `${size} selected` : "Nothing selected";
    document.getElementById("none").hidden = !size;
  }
}
