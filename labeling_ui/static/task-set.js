/** A posted task set: its tasks and what has become of its images, kept up to date. */
import { read, refresh } from "./up-to-date.js";

const EVERY = 5_000;
const { page } = read(document);

setInterval(() => {
  if (!document.hidden) refresh(page).catch((error) => console.warn(error));
}, EVERY);
