/** The charts of the money page. Their numbers are in its tables, too. */
import { Chart } from "./chart.js";

const context = JSON.parse(document.getElementById("context").textContent);

for (const [id, spec] of [["spending", context.spending], ["wage-spread", context.wages]]) {
  const figure = document.getElementById(id);
  if (figure) await new Chart(figure.querySelector(".chart"), spec).draw();
}
