const ACTS = { t: "ask", y: "gold-yes", n: "gold-no", x: "exclude", b: "bring-back" };

/** Arrows move, with Shift they select; letters act. Nothing happens while somebody types or holds a modifier. */
export function keys(grid, selection, base) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    const inside = event.target.matches("#grid input");
    const step = inside && steps(grid, selection)[event.key];
    if (step) return move(event, step);
    const key = event.key.toLowerCase();
    if (key === "a") selection.all();
    else if (event.key === "Escape" && selection.size) selection.clear();
    else if (key === "u") document.querySelector("[data-undo] button")?.click();
    else if (ACTS[key]) document.querySelector(`#acts [value="${ACTS[key]}"]`)?.click();
    else if (inside && event.key === "Enter") event.target.closest("li").querySelector("[data-story]").click();
    else if (key === "m" && selection.here) location.assign(`${base}?like=${selection.here.value}`);
    else return;
    event.preventDefault();
  });

  function move(event, step) {
    const { boxes } = selection;
    const at = boxes.indexOf(event.target);
    const to = boxes[Math.max(0, Math.min(boxes.length - 1, at + step))];
    event.preventDefault();
    if (event.shiftKey && !event.target.checked) selection.anchor(event.target, true);
    to.focus();
    if (event.shiftKey) selection.stretch(to);
  }
}

function steps(grid, selection) {
  const tops = [...grid.children].map((tile) => tile.offsetTop);
  const columns = tops.findIndex((top) => top !== tops[0]);
  const row = columns < 0 ? tops.length : columns;
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -selection.boxes.length, End: selection.boxes.length };
}
