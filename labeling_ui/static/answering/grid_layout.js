/** How many tiles a screen holds, how they are arranged, and which letter each one has. Knows no document. */

/** Smaller than this, in CSS pixels, nobody sees what is on a picture. */
const SMALLEST = 100;
const GAP = 8;
const SHAPES = [[4, 3], [3, 4], [3, 3], [4, 2], [2, 4], [3, 2], [2, 3], [2, 2]];
const ROWS = ["Digit1 Digit2 Digit3 Digit4", "KeyQ KeyW KeyE KeyR", "KeyA KeyS KeyD KeyF", "KeyZ KeyX KeyC KeyV"];
const CODES = ROWS.map((row) => row.split(" "));

/** The shorter side of a tile when so many columns and rows share a box. */
function side({ width, height }, [columns, rows]) {
  return Math.min((width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows);
}

/** The tiles of a screen for a box of this size: as many as stay big enough, 12 at most and 4 at least. */
export function comfortable(box) {
  const fitting = SHAPES.filter((shape) => side(box, shape) >= SMALLEST);
  const best = fitting.sort((a, b) => b[0] * b[1] - a[0] * a[1] || side(box, b) - side(box, a))[0] ?? SHAPES.at(-1);
  return best[0] * best[1];
}

/** The columns that make the tiles of a screen biggest. */
export function columnsFor(box, tiles) {
  const shape = (columns) => [columns, Math.ceil(tiles / columns)];
  return [4, 3, 2].sort((a, b) => side(box, shape(b)) - side(box, shape(a)))[0];
}

/** How big one tile is. */
export function tileIn({ width, height }, columns, tiles) {
  return { width: width / columns, height: height / Math.ceil(tiles / columns) };
}

/** The key of a tile, as KeyboardEvent.code names it: the block of keys under the left hand has the tiles' own shape. */
export function codeOf(tile, columns) {
  return CODES[Math.floor(tile / columns)]?.[tile % columns] ?? "";
}

/** The tile that a key belongs to, or -1. */
export function tileOf(code, columns) {
  const row = CODES.findIndex((codes) => codes.slice(0, columns).includes(code));
  return row < 0 ? -1 : row * columns + CODES[row].indexOf(code);
}
