/** The page Images in: kept up to date while images come in. Without this script its forms and links do the same. */
import { actInPlace, here, keepUpToDate, read, refresh, tell } from "./up-to-date.js";

const context = read(document);

actInPlace(context.page);

/** Examples of an outcome: the address says which, so that it can be kept and sent. */
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.look");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  refresh(here(context.page)).catch(() => tell("unreachable"));
});

/** Whoever changes the source need not type again what both ask for. */
document.addEventListener("change", ({ target }) => {
  if (target.name !== "source") return;
  const option = (name) => name.slice(name.indexOf(".") + 1);
  const typed = new Map();
  for (const field of target.form.querySelectorAll(".source input[type=text]")) {
    if (field.value !== field.defaultValue) typed.set(option(field.name), field.value);
  }
  for (const field of target.closest(".source").querySelectorAll("input[type=text]")) {
    if (field.value === field.defaultValue && typed.has(option(field.name)) && option(field.name) !== "path") field.value = typed.get(option(field.name));
  }
});

keepUpToDate(context);
