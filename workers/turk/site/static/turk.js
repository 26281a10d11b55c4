// The working page: counts down, and notices when the frame has submitted. Without it everything still works.

const clock = document.getElementById("countdown");
const frame = document.getElementById("task");
const goingOn = document.getElementById("going-on");
const deadline = performance.now() + Number(clock.dataset.seconds) * 1000;

function show() {
  const left = Math.max(0, Math.round((deadline - performance.now()) / 1000));
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  const two = (n) => String(n).padStart(2, "0");
  clock.textContent = `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds)} left`;
  clock.classList.toggle("late", left < 60);
  if (left === 0) {
    clearInterval(ticking);
    look();
  }
}

// The frame belongs to another origin, so what it shows cannot be read; the server is asked instead.
async function look() {
  const reply = await fetch(clock.dataset.state, { headers: { Accept: "application/json" } });
  if (!reply.ok) return;
  const { state } = await reply.json();
  if (state === "submitted" && goingOn.elements.on.checked) document.getElementById("next").submit();
  // Not reload(): a form that was shown again would be sent again.
  else if (state !== "in_progress") location.replace(clock.dataset.state.replace(/\/state$/, ""));
}

const ticking = setInterval(show, 1000);
show();
frame?.addEventListener("load", () => look().catch(() => {}));

// Saved without leaving the page: what has been done in the frame stays.
goingOn.addEventListener("change", () => {
  fetch(goingOn.action, { method: "POST", body: new URLSearchParams(new FormData(goingOn)), redirect: "manual" });
});
