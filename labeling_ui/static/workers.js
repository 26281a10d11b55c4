/** The charts of the pages about workers: their specifications travel in the page. */
import { Chart } from "./chart.js";

const { charts } = JSON.parse(document.getElementById("context").textContent);
for (const [name, spec] of Object.entries(charts)) {
  const box = document.getElementById(name);
  if (!box) continue;
  if (spec) new Chart(box, spec).draw();
  else box.closest("figure").hidden = true;
}
