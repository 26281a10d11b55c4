/** The pool: selecting with keys and pointer, acting without leaving, more images as they are needed. Without this
 * script the grid is a form of checkboxes, and links lead from page to page. */
import { keys } from "./pool/keys.js";
import { Selection } from "./pool/selection.js";
import { drag } from "./pool/drag.js";

const { base } = JSON.parse(document.getElementById("context").textContent);
const grid = document.getElementById("grid");
const form = document.getElementById("pool");
const live = document.getElementById("live");
const filters = document.getElementById("filters");

/** A phone has no room for filters beside the grid. */
if (filters && matchMedia("(max-width: 59.99rem)").matches) filters.closest("details").open = false;

/** A choice is made by choosing; numbers and texts by Enter. */
filters?.addEventListener("change", ({ target }) => {
  if (target.matches("select, [type=checkbox]")) filters.requestSubmit();
});
filters?.addEventListener("submit", () => {
  for (const field of filters.elements) if (field.name && !field.value) field.disabled = true;
});

async function page(address, options) {
  const response = await fetch(address, { headers: { Accept: "text/html" }, ...options });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok) throw new Error(fresh.querySelector("main p, main h1")?.textContent ?? response.statusText);
  return fresh;
}

/** More images follow those that are there, so that what is selected stays selected. */
const more = document.getElementById("more");
let fetching = false;
async function follow(link) {
  if (fetching) return;
  fetching = true;
  link.setAttribute("aria-disabled", "true");
  try {
    const fresh = await page(link.href);
    const there = new Set([...grid.children].map((tile) => tile.dataset.image));
    const tiles = [...fresh.getElementById("grid").children].filter((tile) => !there.has(tile.dataset.image));
    grid.append(...tiles.map((tile) => document.adoptNode(tile)));
    more.replaceChildren(...document.adoptNode(fresh.getElementById("more")).childNodes);
    selection?.drew();
    live.textContent = `${tiles.length} more images`;
    watch();
  } catch (error) {
    console.warn(error);
    link.removeAttribute("aria-disabled");
    live.textContent = "Winnow does not answer.";
  }
  fetching = false;
}
more.addEventListener("click", (event) => {
  const link = event.target.closest("a[rel=next]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  follow(link);
});

/** They come before the end is reached, as long as each page is full: looking further is a decision. */
const near = new IntersectionObserver(
  ([entry]) => {
    const link = more.querySelector("a[rel=next]");
    if (entry.isIntersecting && link && !more.querySelector(".soft")) follow(link);
  },
  { rootMargin: "400px" },
);
function watch() {
  near.unobserve(more);
  near.observe(more);
}
watch();

/** Acts: the page of the act says what became of the images; their tiles are exchanged, and the rest stays. */
function show(fresh) {
  document.getElementById("said-place").replaceChildren(...[...fresh.querySelectorAll("#said")].map((note) => document.adoptNode(note)));
  for (const tile of fresh.querySelectorAll("#grid > li")) {
    grid.querySelector(`[data-image="${tile.dataset.image}"]`)?.replaceWith(document.adoptNode(tile));
  }
  const sets = fresh.querySelector("[name=task_set]");
  if (sets) form.querySelector("[name=task_set]").replaceChildren(...document.adoptNode(sets).childNodes);
  selection.drew();
  document.getElementById("said")?.scrollIntoView({ block: "nearest" });
}

async function act(address, body, submitter) {
  if (submitter?.ariaDisabled === "true") return;
  submitter?.setAttribute("aria-disabled", "true");
  try {
    show(await page(address, { method: "POST", body }));
  } catch (error) {
    refuse(error.message);
  }
  submitter?.removeAttribute("aria-disabled");
}

function refuse(words) {
  const note = document.createElement("div");
  note.className = "notice said";
  note.id = "said";
  note.setAttribute("role", "alert");
  note.textContent = words;
  document.getElementById("said-place").replaceChildren(note);
}

const selection = form && new Selection(grid, document.getElementById("acts"));
if (form) {
  drag(grid, selection);
  keys(grid, selection, base);
  document.addEventListener("submit", (event) => {
    const undo = event.target.matches("[data-undo]");
    if (event.target !== form && !undo) return;
    event.preventDefault();
    if (!undo && !selection.size) return void (live.textContent = "Select images first.");
    act(event.target.action, new URLSearchParams(new FormData(event.target, event.submitter)), event.submitter);
  });
  document.getElementById("none").addEventListener("click", () => selection.clear());
}

/** While a large pool is searched, the page looks again. */
if (document.getElementById("searching")) {
  const again = setInterval(async () => {
    if (document.hidden) return;
    const fresh = await page(location.href).catch(() => null);
    const place = fresh?.getElementById("searching");
    if (place) document.getElementById("searching").replaceWith(document.adoptNode(place));
    else if (fresh) {
      clearInterval(again);
      location.reload();
    }
  }, 1_500);
}
