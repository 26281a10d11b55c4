/** The page Images in: kept up to date while images come in. Without this script its forms and links do the same. */
import { follow } from "./live.js";
import { morph } from "./morph.js";

const { page, events } = JSON.parse(document.getElementById("context").textContent);
const line = document.getElementById("live");
const words = { live: "This page keeps itself up to date.", polling: "This page asks for news every few seconds.", unreachable: "Winnow does not answer. Trying again…" };
const tell = (state) => (line.textContent = words[state]);

/** The server draws every number; the regions of a fresh copy of the page say what has changed. */
async function refresh() {
  const response = await fetch(page + location.search, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${page}: ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const region of document.querySelectorAll("[data-live]")) morph(region, fresh.getElementById(region.id));
}

/** Stop, go on, try again: without leaving the page, so that nothing that is being typed is lost. */
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-act]")) return;
  event.preventDefault();
  try {
    const response = await fetch(form.action, { method: "POST", headers: { Accept: "text/html" } });
    if (!response.ok) throw new Error(`${form.action}: ${response.status}`);
    const { said } = form.dataset;
    await refresh();
    line.textContent = said;
  } catch (error) {
    console.warn(error);
    tell("unreachable");
  }
});

/** Examples of an outcome: the address says which, so that it can be kept and sent. */
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.look");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  refresh().catch(() => tell("unreachable"));
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

follow(events, refresh, tell);
