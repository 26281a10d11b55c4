/** The category page: kept up to date while the loop runs. */
import { Chart } from "./chart.js";
import { Cuts } from "./cuts.js";
import { follow } from "./live.js";
import { morph } from "./morph.js";

const read = (page) => JSON.parse(page.getElementById("context").textContent);
const context = read(document);
const charts = new Map(Object.entries(context.charts).map(([place, spec]) => [place, new Chart(document.getElementById(place), spec)]));
const cuts = new Cuts([charts.get("scores-chart"), charts.get("answers-chart")].filter(Boolean), context.scores);
const line = document.getElementById("live");
const words = { live: "This page keeps itself up to date.", polling: "This page asks for news every few seconds.", unreachable: "Winnow does not answer. Trying again…" };
const tell = (state) => (line.textContent = words[state]);

/** The server draws every number; a fresh copy of the page says what has changed. */
async function refresh() {
  const response = await fetch(context.page + location.search, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${context.page}: ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const region of document.querySelectorAll("[data-live]")) morph(region, fresh.getElementById(region.id));
  const news = read(fresh);
  for (const [place, spec] of Object.entries(news.charts)) {
    if (!charts.has(place)) charts.set(place, new Chart(document.getElementById(place), spec));
    await charts.get(place).update(spec);
  }
  await cuts.renew([charts.get("scores-chart"), charts.get("answers-chart")].filter(Boolean), news.scores);
}

for (const chart of charts.values()) await chart.draw();
await cuts.renew();
follow(context.events, refresh, tell);
