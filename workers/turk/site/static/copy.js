/** Buttons that copy the text of another element: `data-copy` is its id. Without this script the text can be selected.
 * The marketplace stands alone, so it has this of its own. */
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    button.removeAttribute("aria-label");
  });
}
