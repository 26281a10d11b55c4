// Leads back to the form with what was typed in it. Without this script the browser's own button does.
for (const button of document.querySelectorAll("[data-back]")) {
  button.hidden = history.length < 2;
  button.addEventListener("click", () => history.back());
}
