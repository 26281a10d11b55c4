import { say } from "./words.js";

const LOW = 120;

/**
 * Time left until the deadline, once a second, counted from the server's clock: the annotator's may be wrong.
 * `announce` is called at five minutes, one minute and at the end.
 */
export function countDown(box, { deadline, now }, announce) {
  const whole = (Date.parse(deadline) - Date.parse(now)) / 1000;
  const opened = performance.now();
  const marks = new Map([[300, say("time.five")], [60, say("time.one")], [0, say("time.none")]]);
  for (const mark of marks.keys()) if (whole <= mark) marks.delete(mark);

  function tick() {
    const left = Math.max(0, Math.round(whole - (performance.now() - opened) / 1000));
    box.textContent = left ? say("time.left", { clock: clock(left) }) : say("time.over");
    box.classList.toggle("low", left < LOW);
    for (const [mark, words] of marks) {
      if (left > mark) continue;
      marks.delete(mark);
      announce(words);
    }
    if (!left) clearInterval(timer);
  }

  const timer = setInterval(tick, 1000);
  tick();
}

function clock(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
