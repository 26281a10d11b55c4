/** The pages of datasets: kept up to date while a job works. Without this script a reload says the same. */
import { follow } from "./live.js";
import { morph } from "./morph.js";

const { page, events } = JSON.parse(document.getElementById("context").textContent);
const line = document.getElementById("live");
const words = { live: "This page keeps itself up to date.", polling: "This page asks for news every few seconds.", unreachable: "Winnow does not answer. Trying again…" };
const tell = (state) => (line.textContent = words[state]);

/** The server draws everything; the regions of a fresh copy of the page say what has changed. */
async function refresh() {
  const response = await fetch(page + location.search, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${page}: ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const region of document.querySelectorAll("[data-live]")) morph(region, fresh.getElementById(region.id));
}

follow(events, refresh, tell);
