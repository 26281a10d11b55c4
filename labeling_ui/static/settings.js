/** Numbers of a policy: the forecast moves as they are changed. Without this script a button does the same. */
import { read, refresh } from "./up-to-date.js";

const PAUSE = 300;
const { page } = read(document);
const form = document.querySelector("form[data-policy]");
const made = document.getElementById("forecast-made");
const numbers = /^(policy|belief)\./;

let due = 0;
let busy = false;
let missed = false;

for (const button of document.querySelectorAll(".without-script")) button.hidden = true;

form.addEventListener("input", ({ target }) => {
  if (numbers.test(target.name ?? "")) later();
});

// Enter in a number means "what does that make?", and not yet "do it".
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !numbers.test(event.target.name ?? "") || event.target.localName !== "input") return;
  event.preventDefault();
  later(0);
});

// What was typed before this script was there, or was kept by the browser on the way back, counts too.
if ([...form.elements].some((field) => numbers.test(field.name) && changed(field))) later(0);

function changed(field) {
  if (field.localName === "select") {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(first, 0);
  }
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

function later(pause = PAUSE) {
  clearTimeout(due);
  due = setTimeout(run, pause);
}

/** Never two at a time: what is changed meanwhile is asked about afterwards. */
async function run() {
  if (busy) {
    missed = true;
    return;
  }
  busy = true;
  made.setAttribute("aria-busy", "true");
  await forecast().catch((error) => console.warn(error));
  made.removeAttribute("aria-busy");
  busy = false;
  if (missed) later(0);
  missed = false;
}

/** The server draws every number and finds every mistake; the regions of a fresh copy of the page say what changed. */
async function forecast() {
  const query = new URLSearchParams([...new FormData(form)].filter(([name]) => numbers.test(name)));
  const fresh = await refresh(`${page}?${query}`, form);
  for (const field of form.elements) {
    if (!numbers.test(field.name)) continue;
    const wrong = fresh.getElementById(field.id)?.getAttribute("aria-invalid");
    if (wrong) field.setAttribute("aria-invalid", wrong);
    else field.removeAttribute("aria-invalid");
  }
}
