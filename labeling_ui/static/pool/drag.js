const FAR = 8;

/** Dragging over images with a mouse selects them, from where it began; a finger scrolls. */
export function drag(grid, selection) {
  let start = null;

  grid.addEventListener("pointerdown", (event) => {
    const tile = event.target.closest("label")?.closest("li");
    if (event.pointerType === "touch" || event.button || event.shiftKey || !tile) return;
    start = { box: tile.querySelector("input"), x: event.clientX, y: event.clientY, on: false, before: null };
  });
  document.addEventListener("pointermove", (event) => {
    if (!start) return;
    if (!start.on && Math.hypot(event.clientX - start.x, event.clientY - start.y) < FAR) return;
    if (!start.on) {
      start.on = true;
      start.before = new Map(selection.boxes.map((box) => [box, box.checked]));
      start.checked = !start.box.checked;
      selection.anchor(start.box, start.checked);
      start.before.set(start.box, start.checked);
    }
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("#grid > li");
    if (!over) return;
    for (const [box, checked] of start.before) box.checked = checked;
    selection.stretch(over.querySelector("input"));
  });
  document.addEventListener("pointerup", () => {
    if (start?.on) {
      // The click that follows a drag is none.
      const swallow = (event) => event.preventDefault();
      grid.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => grid.removeEventListener("click", swallow, { capture: true }));
    }
    start = null;
  });
  grid.addEventListener("dragstart", (event) => event.preventDefault());
}
