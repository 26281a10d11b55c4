/*
 * The seam with task.js, task.html and sitting.js:
 * - task.html: `{% from "grid.html" import grid, grid_keys %}`, `{{ grid(words, work.presumed) }}` as the last thing in
 *   #work, and `/static/grid.css` in the head; both only where work.presumed is not none. grid.css hides the single
 *   stage. `{{ grid_keys(words) }}` goes into the help dialog.
 * - task.js: call sit() as well, always: it has help, "?" and the Enter key outside of the grid (start, review). Then
 *   `const grid = sitGrid({ deck, stopwatch, onAnswer, onMove, onRefused })`. `grid.prepare()` may be called at once and
 *   again when the saved answers are known. After the last lesson, or at the start when there is none left:
 *   `sitting.end(); grid.begin()`, with #work shown. At submission `grid.end()`. onAnswer and onMove are those of sit(),
 *   stopwatch is the one that resumed the answers of an earlier visit.
 * - sit() must leave the deck's "move" and "answer" alone while it is not working; sitGrid() does, too.
 * - There is no way back from the grid to the lessons: begin() sets deck.floor.
 */
import { context, element } from "./context.js";
import { Album } from "./grid_album.js";
import { Board } from "./grid_board.js";
import { columnsFor, comfortable, tileIn, tileOf } from "./grid_layout.js";
import { INTERACTIVE } from "./keys.js";
import { listenToButton } from "./pointer.js";
import { Sizer } from "./sizes.js";
import { fromAssignment } from "./sources.js";
import { Stopwatch } from "./stopwatch.js";
import { showTrouble } from "./trouble.js";
import { say } from "./words.js";

/** A screen must have been visible for so many milliseconds: nobody sees twelve images in less. */
const LEAST = 300;
const word = (value) => (value ? "yes" : "no");

/**
 * Many images at a time: whatever is not marked gets the answer that is presumed. Works on a deck as sit() does.
 * Screens are fixed runs of positions behind the lessons; `onAnswer` gets the answers of a screen one by one with their
 * times when "Next" is pressed, `onMove` is called when another screen is up.
 */
export function sitGrid(options) {
  return new GridSitting(options);
}

class GridSitting {
  #deck;
  #onMove;
  #onRefused;
  #stopwatch;
  #asked = 0;
  #first = context.lessons.length;
  #presumed = context.presumed;
  /** What was marked or unmarked since it was last answered: `{position: {value, device}}`. */
  #drafts = new Map();
  #painted = new Set();
  #working = false;
  #room = { width: innerWidth, height: innerHeight };
  #tiles = 0;
  #screen = -1;
  #visit = 0;
  #timer = 0;
  #board;
  #album;

  constructor({ deck, stopwatch = new Stopwatch(), onAnswer, onMove, onRefused = showTrouble }) {
    this.#deck = deck;
    this.#stopwatch = stopwatch;
    this.#onMove = onMove;
    this.#onRefused = onRefused;
    deck.addEventListener("move", () => this.#working && this.#turn());
    deck.addEventListener("change", () => this.#working && this.#redraw());
    deck.addEventListener("answer", ({ detail: { before, ...answer } }) => {
      if (this.#working) onAnswer({ ...answer, ...this.#stopwatch.read(answer.position) }, before);
      else if (deck.frontier >= this.#first - 1) this.prepare();
    });
    // First in line: a letter of a tile may mean yes or no where images come one at a time.
    document.addEventListener("keydown", (event) => this.#onKey(event), { capture: true });
    listenToButton(element("grid-next"), (device) => this.#next(device));
    listenToButton(element("grid-back"), () => this.#back());
    const letters = element("letters");
    letters.addEventListener("change", () => element("tiles").classList.toggle("no-letters", !letters.checked));
  }

  /** Fetch the first open screen already: it is there when the grid begins. */
  prepare() {
    if (!this.#board) this.#plan();
    if (!this.#working) this.#album.hold([this.#screenOf(this.#deck.frontier)]);
  }

  /** From now on the grid is on the table. */
  begin() {
    if (!this.#board) this.#plan();
    element("work").dataset.mode = "grid";
    element("grid").hidden = false;
    new ResizeObserver(() => this.#arrange()).observe(element("grid-box"));
    this.#deck.floor = this.#first;
    this.#working = true;
    this.#deck.goTo(Math.max(this.#deck.position, this.#first));
  }

  /** How many tiles there are is decided once: measure the room for them, showing nothing that is not shown yet. */
  #plan() {
    const [work, grid] = [element("work"), element("grid")];
    const [mode, hidden, closed] = [work.dataset.mode, work.hidden, grid.hidden];
    work.dataset.mode = "grid";
    work.hidden = grid.hidden = false;
    this.#measure();
    this.#tiles = comfortable(this.#room);
    this.#board = new Board(element("tiles"), this.#tiles, (index, device) => this.#toggle(index, device));
    this.#arrange();
    [work.hidden, grid.hidden] = [hidden, closed];
    if (mode === undefined) delete work.dataset.mode;
    this.#open(new Sizer(context.sizes, () => tileIn(this.#room, this.#board.columns, this.#tiles)));
  }

  /** The room for all tiles; as it was last while nothing of it is seen. */
  #measure() {
    const { clientWidth: width, clientHeight: height } = element("grid-box");
    if (width) this.#room = { width, height };
  }

  #arrange() {
    this.#measure();
    this.#board.arrange(columnsFor(this.#room, this.#tiles));
  }

  #open(sizer) {
    this.#album = new Album((screen) => this.#range(screen), fromAssignment(sizer));
    this.#album.addEventListener("decoded", ({ detail }) => this.#put(detail));
    this.#album.addEventListener("missing", ({ detail }) => this.#complain(detail));
    this.#album.addEventListener("refused", ({ detail }) => this.#onRefused(detail));
  }

  /** From now on nothing can be changed. */
  end() {
    this.#working = false;
    this.#stopwatch.stop();
    this.#album?.hold([]);
    clearTimeout(this.#timer);
  }

  get #screens() {
    return Math.ceil((this.#deck.of - this.#first) / this.#tiles);
  }

  #screenOf(position) {
    return Math.max(0, Math.floor((position - this.#first) / this.#tiles));
  }

  #start(screen) {
    return this.#first + screen * this.#tiles;
  }

  /** The positions of a screen; none where there is no such screen. */
  #range(screen) {
    const [start, end] = [this.#start(screen), Math.min(this.#start(screen + 1), this.#deck.of)];
    return screen < 0 ? [] : Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
  }

  #value(position) {
    return this.#drafts.get(position)?.value ?? this.#deck.value(position) ?? this.#presumed;
  }

  #turn() {
    this.#keepChanges();
    this.#stopwatch.stop();
    clearTimeout(this.#timer);
    this.#painted.clear();
    this.#visit += 1;
    this.#asked = performance.now();
    this.#screen = this.#deck.finished ? this.#screens : this.#screenOf(this.#deck.position);
    this.#onMove();
    const near = [this.#screen, this.#screen + 1, this.#screen + 2, this.#screen - 1];
    this.#album.hold(near.filter((screen) => this.#range(screen).length));
    if (this.#deck.finished) return;
    this.#draw();
    const steady = [element("grid-next"), element("grid-back")].includes(document.activeElement);
    if (!steady) this.#board.focus(Math.max(0, this.#deck.position - this.#start(this.#screen)));
  }

  #draw() {
    const positions = this.#range(this.#screen);
    this.#board.clear(positions.length);
    this.#board.point(0);
    element("grid").dataset.screen = this.#screen;
    element("grid-wait").hidden = true;
    element("grid-back").disabled = this.#screen === 0;
    for (const position of positions) this.#put(position);
    this.#redraw();
  }

  /** The marks as they stand now: another tab may have changed them. */
  #redraw() {
    this.#range(this.#screen).forEach((position, index) => this.#mark(position, index));
    if (!this.#deck.finished) this.#tell();
  }

  #mark(position, index) {
    const value = this.#value(position);
    const marked = value !== this.#presumed;
    const name = this.#name(position, marked ? `.${word(value)}` : "");
    this.#board.mark(index, { name, marked, value: !this.#presumed });
  }

  #name(position, how) {
    return say(`grid.tile${how}`, { number: position + 1 });
  }

  /** The line between the buttons, and whether the screen may be answered. */
  #tell() {
    const positions = this.#range(this.#screen);
    const count = positions.filter((position) => this.#value(position) !== this.#presumed).length;
    element("grid-place").textContent = say("grid.place", { screen: this.#screen + 1, screens: this.#screens });
    element("grid-marked").textContent = say(`grid.marked.${word(!this.#presumed)}`, { count });
    element("grid").dataset.ready = this.#ready;
    element("grid-next").setAttribute("aria-disabled", String(!this.#ready));
  }

  #put(position) {
    const image = this.#album.image(position);
    const [visit, index] = [this.#visit, this.#range(this.#screen).indexOf(position)];
    if (!image || index < 0 || this.#painted.has(position)) return;
    this.#board.put(index, image);
    // A task queued inside an animation frame runs after that frame was painted.
    requestAnimationFrame(() => setTimeout(() => this.#working && this.#visit === visit && this.#seen(position)));
  }

  #seen(position) {
    this.#painted.add(position);
    this.#stopwatch.start(position);
    performance.measure("paint", { start: this.#asked, detail: { position } });
    const positions = this.#range(this.#screen);
    if (this.#painted.size < positions.length) return;
    element("grid-wait").hidden = true;
    const place = { screen: this.#screen + 1, screens: this.#screens, count: positions.length };
    element("announce").textContent = say("grid.screen", place);
    this.#settle();
  }

  /** Open "Next" as soon as every tile was visible long enough; time in another tab does not count. */
  #settle() {
    this.#tell();
    if (!this.#ready) this.#timer = setTimeout(() => this.#settle(), LEAST / 3);
  }

  get #ready() {
    const looked = (position) => this.#painted.has(position) && this.#stopwatch.read(position).visible_ms >= LEAST;
    return this.#range(this.#screen).every(looked);
  }

  #toggle(index, device) {
    const position = this.#start(this.#screen) + index;
    if (!this.#working || !this.#painted.has(position)) return;
    const value = !this.#value(position);
    this.#drafts.set(position, { value, device });
    this.#mark(position, index);
    if (this.#board.hasFocus) this.#board.focus(index);
    this.#tell();
    const how = value === this.#presumed ? `.left.${word(value)}` : `.${word(value)}`;
    element("announce").textContent = this.#name(position, how);
  }

  /** Answer all of the screen. What stands already keeps its times: going past it again is no new answer. */
  #next(device) {
    if (!this.#working || this.#deck.finished || !this.#ready) return;
    for (const position of this.#range(this.#screen)) this.#answer(position, device);
    const following = this.#start(this.#screen + 1);
    this.#deck.goTo(following < this.#deck.of ? following : this.#deck.frontier);
  }

  #answer(position, device) {
    const value = this.#value(position);
    const how = this.#drafts.get(position)?.device ?? device;
    if (this.#deck.value(position) !== value) this.#deck.record(position, value, how);
    this.#drafts.delete(position);
  }

  /** A screen that was answered before may be left by any way: what was changed there counts. */
  #keepChanges() {
    for (const position of this.#drafts.keys()) if (this.#deck.value(position) !== undefined) this.#answer(position);
  }

  #back() {
    if (this.#working && this.#screen > 0) this.#deck.goTo(this.#start(this.#screen - 1));
  }

  #complain({ screen, failures }) {
    if (screen === this.#screen && failures > 1) element("grid-wait").hidden = false;
  }

  #onKey(event) {
    if (!this.#working || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || !this.#act(event)) return;
    event.preventDefault();
  }

  /** Do what a key means; false when it means nothing here. A key held down acts once, but arrows go on. */
  #act({ key, code, repeat, target }) {
    const elsewhere = target.closest?.(INTERACTIVE) && !this.#board.hasFocus;
    const once = (act) => repeat || act() || true;
    if (key === "Backspace") return once(() => this.#back());
    if (element("work").hidden) return false;
    if (key === "Enter") return (!elsewhere || target === element("grid-next")) && once(() => this.#next("key"));
    if (key === " ") return !target.closest?.(INTERACTIVE) && once(() => this.#toggle(this.#board.current, "key"));
    if (!elsewhere && this.#board.step(key)) return true;
    const tile = element("letters").checked ? tileOf(code, this.#board.columns) : -1;
    return tile >= 0 && once(() => this.#toggle(tile, "key"));
  }
}
