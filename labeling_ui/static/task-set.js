/** A posted task set: its tasks and what has become of its images, kept up to date. */
import { morph } from "./morph.js";

const EVERY = 5_000;
const { page } = JSON.parse(document.getElementById("context").textContent);

setInterval(async () => {
  if (document.hidden) return;
  try {
    const response = await fetch(page, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const region of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(region.id);
      if (now) morph(region, now);
    }
  } catch (error) {
    console.warn(error);
  }
}, EVERY);
