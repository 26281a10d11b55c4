/** The category page: kept up to date while the loop runs. */
import { Chart } from "./chart.js";
import { Cuts } from "./cuts.js";
import { keepUpToDate, read } from "./up-to-date.js";

const context = read(document);
const charts = new Map(Object.entries(context.charts).map(([place, spec]) => [place, new Chart(document.getElementById(place), spec)]));
const ofScores = () => [charts.get("scores-chart"), charts.get("answers-chart")].filter(Boolean);
const cuts = new Cuts(ofScores(), context.scores);

async function redraw(fresh) {
  const news = read(fresh);
  for (const [place, spec] of Object.entries(news.charts)) {
    if (!charts.has(place)) charts.set(place, new Chart(document.getElementById(place), spec));
    await charts.get(place).update(spec);
  }
  await cuts.renew(ofScores(), news.scores);
}

for (const chart of charts.values()) await chart.draw();
await cuts.renew();
keepUpToDate(context, redraw);
