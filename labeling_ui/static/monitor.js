/** The monitor: kept up to date every two seconds. Without this script it shows how things stood when it was loaded. */
import { follow } from "./live.js";
import { morph } from "./morph.js";

const { page, events } = JSON.parse(document.getElementById("context").textContent);
const line = document.getElementById("live");
const words = { live: "This page keeps itself up to date.", polling: "This page asks for news every few seconds.", unreachable: "Winnow does not answer. Trying again…" };
const tell = (state) => (line.textContent = words[state]);

async function refresh() {
  const response = await fetch(page, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${page}: ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const region of document.querySelectorAll("[data-live]")) morph(region, fresh.getElementById(region.id));
}

/** Try again, without leaving the page. */
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-act]")) return;
  event.preventDefault();
  const { said } = form.dataset;
  try {
    const response = await fetch(form.action, { method: "POST", headers: { Accept: "text/html" } });
    // 409: it has begun to run meanwhile, which is what was wanted.
    if (!response.ok && response.status !== 409) throw new Error(`${form.action}: ${response.status}`);
    await refresh();
    line.textContent = said;
  } catch (error) {
    console.warn(error);
    tell("unreachable");
  }
});

follow(events, refresh, tell);
