/** A page that keeps itself up to date: the server draws everything, a fresh copy of the page says what has changed. */
import { follow } from "./live.js";
import { morph } from "./morph.js";

const WORDS = { live: "This page keeps itself up to date.", polling: "This page asks for news every few seconds.", unreachable: "Winnow does not answer. Trying again…" };

/** What the scripts of a page read: the JSON in it. */
export const read = (page) => JSON.parse(page.getElementById("context").textContent);

/** Say how the page is kept up to date: a key of WORDS, or any other words. */
export const tell = (state) => (document.getElementById("live").textContent = WORDS[state] ?? state);

/** Make the `data-live` elements within `part` like those of a fresh copy of the page at `address`, and give the copy. */
export async function refresh(address, part = document) {
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const region of part.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(region.id);
    if (now) morph(region, now);
  }
  return fresh;
}

/** Where a page stands now: its path, and what the address asks of it. */
export const here = (page) => page + location.search;

/** Refresh `page` whenever `events` has news; `more`, if given, goes on with each fresh copy. */
export function keepUpToDate({ page, events }, more = () => {}) {
  follow(events, async () => more(await refresh(here(page))), tell);
}

/**
 * Post the forms with `data-act` without leaving the page, so that nothing that is being typed is lost; then refresh it and
 * say what was done. `passed` are statuses that mean the same as success.
 */
export function actInPlace(page, passed = []) {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    const { said } = form.dataset;
    try {
      const response = await fetch(form.action, { method: "POST", headers: { Accept: "text/html" } });
      if (!response.ok && !passed.includes(response.status)) throw new Error(`${form.action}: ${response.status}`);
      await refresh(here(page));
      tell(said);
    } catch (error) {
      console.warn(error);
      tell("unreachable");
    }
  });
}
