/** What the server put into the page for its scripts. */
export const context = JSON.parse(document.getElementById("context").textContent);

/** The element with this id: a page without it is broken, so say so at once. */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}
