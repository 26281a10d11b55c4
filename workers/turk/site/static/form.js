// A form of questions: digits pick answers of the question that has the focus, and the requester's patterns are
// checked before it is sent. Without this script the form works too; the server checks all but the patterns.

const form = document.getElementById("questions");
const CHOICE = "input[type=radio], input[type=checkbox]";
const FIELD = "input:not([type=hidden]), textarea, select";

function next(question) {
  const all = [...form.querySelectorAll(".question")];
  const following = all[all.indexOf(question) + 1];
  (following?.querySelector(FIELD) ?? form.querySelector("button")).focus();
}

form.addEventListener("keydown", (event) => {
  const question = event.target.closest(".question");
  if (!question || !event.target.matches(CHOICE) || event.ctrlKey || event.altKey || event.metaKey) return;
  const choice = /^[1-9]$/.test(event.key) && question.querySelectorAll(CHOICE)[event.key - 1];
  if (!choice) return;
  event.preventDefault();
  choice.focus();
  choice.click();
  const own = question.querySelector("[name$='.other']");
  if (choice.type === "radio" && choice.value === "" && own) own.focus();
  else if (choice.type === "radio") next(question);
});

// Who writes an answer of their own means that one.
form.addEventListener("input", (event) => {
  if (!event.target.matches("[name$='.other']") || !event.target.value) return;
  const none = event.target.closest(".question").querySelector("input[type=radio][value='']");
  if (none) none.checked = true;
});

function failing(field) {
  return JSON.parse(field.dataset.patterns).find(({ regex, flags }) => {
    try {
      return !new RegExp(regex, flags).test(field.value);
    } catch {
      return false; // Not a pattern that browsers know: nobody could ever submit.
    }
  });
}

form.addEventListener("submit", (event) => {
  let first = null;
  for (const field of form.querySelectorAll("[data-patterns]")) {
    if (field.name.endsWith(".other") && !field.value) continue;
    const failed = failing(field);
    const question = field.closest(".question");
    question.querySelector(".complaint").textContent = failed?.message ?? "";
    question.classList.toggle("wrong", Boolean(failed));
    field.toggleAttribute("aria-invalid", false);
    if (failed) field.setAttribute("aria-invalid", "true");
    if (failed) first ??= field;
  }
  if (!first) return;
  event.preventDefault();
  first.focus();
});

form.classList.add("keys");
// The keyboard starts where the form does; the page stays where it is. On a phone that would open the keyboard.
if (matchMedia("(hover: hover)").matches) {
  form.querySelector(`.trouble, .overview, .question :is(${FIELD})`).focus({ preventScroll: true });
} else form.querySelector(".trouble")?.focus();
