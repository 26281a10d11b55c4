/** The category page: kept up to date while the loop runs. */
import { Chart } from "./chart.js";
import { follow } from "./live.js";

const read = (page) => JSON.parse(page.getElementById("context").textContent);
const context = read(document);
const chart = new Chart(document.getElementById("chart"), context.chart);
const shown = new Map([...document.querySelectorAll("[data-live]")].map((region) => [region.id, region.innerHTML]));
const line = document.getElementById("live");
const words = { live: "This page keeps itself up to date.", polling: "This page asks for news every few seconds.", unreachable: "Winnow does not answer. Trying again…" };
const tell = (state) => (line.textContent = words[state]);

/** The server draws every number; a fresh copy of the page replaces only the regions that changed. */
async function refresh() {
  const response = await fetch(context.page, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${context.page}: ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const [id, html] of shown) exchange(document.getElementById(id), html, fresh.getElementById(id).innerHTML);
  await chart.update(read(fresh).chart);
}

function exchange(region, before, after) {
  if (before === after) return;
  const focused = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const open = [...region.querySelectorAll("details")].map((details) => details.open);
  region.innerHTML = after;
  shown.set(region.id, after);
  region.querySelectorAll("details").forEach((details, index) => (details.open = Boolean(open[index])));
  if (focused) region.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

await chart.draw();
follow(context.events, refresh, tell);
