/** The story of one image: arrow keys lead to the images beside it. */
const { before, after } = JSON.parse(document.getElementById("context").textContent);
const ways = { ArrowLeft: before, ArrowRight: after, k: before, j: after };

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, summary, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const address = ways[event.key];
  if (!address) return;
  event.preventDefault();
  location.assign(address);
});
