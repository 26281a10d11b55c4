/** The task page: one assignment from its first image to its submission. */
import { Backup } from "./answering/backup.js";
import { context, element } from "./answering/context.js";
import { countDown } from "./answering/countdown.js";
import { Deck } from "./answering/deck.js";
import { patience } from "./answering/patience.js";
import { request, Unreachable } from "./answering/requests.js";
import { onReturn } from "./answering/returning.js";
import { Saver } from "./answering/saver.js";
import { sit } from "./answering/sitting.js";
import { roomOf, Sizer } from "./answering/sizes.js";
import { fromAssignment } from "./answering/sources.js";
import { Strip } from "./answering/strip.js";
import { hand, Submission } from "./answering/submission.js";
import { Teaching } from "./answering/teaching.js";
import { hideTrouble, showTrouble } from "./answering/trouble.js";
import { money, say } from "./answering/words.js";

const { token, of, endpoints, reward_cents: reward, keys, lessons, presumed } = context;
const FORBIDDEN = 403;
const OVER = 410;

const deck = new Deck(of, lessons);
new Teaching(deck, element("lesson"));
const backup = new Backup(context.key);
const submission = new Submission(endpoints.submission, token);
const saver = new Saver((answers, how) => request("PUT", endpoints.answers, { token, body: { answers }, ...how }), element("saved"), { backup });
saver.addEventListener("refused", ({ detail }) => refused(detail));

const onAnswer = (answer) => saver.add(answer.position, answer);
const sitting = sit({
  deck,
  keys,
  source: fromAssignment(new Sizer(context.sizes, roomOf(element("stage")))),
  until: presumed === null ? of : lessons.length,
  onAnswer,
  onMove: draw,
  onRefused: refused,
  onEnter() {
    if (!element("review").hidden) submit();
    else if (!element("start").hidden) element("begin").click();
  },
});
const grid = presumed === null ? null : await openGrid();
const overview = new Strip(element("all"), sitting.pictures, (position) => deck.goTo(position));

/** Only who needs the grid loads it. */
async function openGrid() {
  const { sitGrid } = await import("./answering/grid.js");
  return sitGrid({ deck, stopwatch: sitting.stopwatch, onAnswer, onMove: draw, onRefused: refused });
}

/** Who is answering now: the grid comes after the lessons. */
let seat = null;

function sitDown() {
  const wanted = grid && deck.frontier >= lessons.length ? grid : sitting;
  if (seat === wanted) return;
  seat?.end();
  seat = wanted;
  seat.begin();
}

function draw() {
  element("count").textContent = say("count", { position: Math.min(deck.position + 1, of), of });
  element("money").textContent = say("earned", { earned: money(Math.floor((reward * deck.answered) / of)), whole: money(reward) });
  element("progress").value = deck.answered;
  if (!seat) return;
  turnTo(deck.finished ? "review" : "work");
  sitDown();
}

function turnTo(name) {
  const turned = element(name).hidden;
  for (const other of ["start", "work", "review", "done"]) element(other).hidden = other !== name;
  if (!turned) return;
  if (name === "work") element("stage").focus({ preventScroll: true });
  if (name === "review") drawReview();
  if (name === "done") element("done-title").focus();
}

function drawReview() {
  element("tally").textContent = say("tally", { yes: deck.count(true), no: deck.count(false), of });
  element("overview").open = false;
  element("announce").textContent = say("all", { of });
  element("submit").focus();
}

element("overview").addEventListener("toggle", ({ target }) => {
  if (target.open) overview.draw(deck, Array.from({ length: of - deck.floor }, (_, index) => deck.floor + index));
});

function begin() {
  turnTo("work");
  sitDown();
}

async function submit() {
  const button = element("submit");
  const tell = (words) => (element("submitting").textContent = words);
  button.setAttribute("aria-disabled", "true");
  tell(say("submitting"));
  try {
    const reply = await submission.send(
      () => saver.settled(),
      () => tell(say("submitting.offline")),
    );
    if (reply) finish(reply);
  } catch (refusal) {
    tell("");
    button.removeAttribute("aria-disabled");
    showTrouble(refusal);
  }
}

/** The work is with Winnow. The market hears of it once: here, or from another tab that was faster. */
function finish({ receipt, action, method, fields }, elsewhere = false) {
  const before = elsewhere || backup.receipt;
  backup.receipt = receipt;
  if (action && !before) {
    stop();
    return hand(method, action, fields);
  }
  done(receipt, Boolean(before));
  if (!action) return;
  element("again").hidden = false;
  element("again").addEventListener("click", () => hand(method, action, fields), { once: true });
}

function done(receipt, elsewhere) {
  stop();
  element("receipt").textContent = receipt;
  element("elsewhere").hidden = !elsewhere;
  turnTo("done");
}

function stop() {
  seat?.end();
  sitting.end();
  hideTrouble();
}

/** Winnow takes nothing more: say so, and what becomes of the answers. */
function refused(refusal) {
  if (refusal.status === OVER) seat?.end();
  const hint = refusal.status === FORBIDDEN ? `${refusal.hint} ${say("kept")}` : refusal.hint;
  showTrouble({ message: refusal.message, hint });
}

/** What was answered in earlier visits of this page and in other tabs; null when an impatient question got no answer. */
async function saved(patient) {
  for (let failures = 0; ; ) {
    try {
      return await request("GET", endpoints.assignment, { token });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      if (!patient) return null;
      failures += 1;
      showTrouble({ message: say("unreachable"), hint: say("again") });
      await patience(failures);
    }
  }
}

/** Take over what the server has, except where this page knows better. */
function resume(answers) {
  const theirs = answers.filter(({ position }) => !saver.has(position));
  sitting.stopwatch.resume(theirs);
  deck.resume(theirs);
  draw();
}

/** Answers that an earlier visit could not send go out now, unless the server has newer ones. */
function replay(answers) {
  const known = new Map(answers.map((answer) => [answer.position, answer.decided_ms]));
  const unsent = backup.answers.filter(({ position, decided_ms }) => !(known.get(position) > decided_ms));
  for (const answer of unsent) saver.add(answer.position, answer);
  const newer = new Set(unsent.map(({ position }) => position));
  const all = [...answers.filter(({ position }) => !newer.has(position)), ...unsent];
  sitting.stopwatch.resume(all);
  deck.resume(all);
  draw();
}

async function lookAgain() {
  if (!element("done").hidden) return;
  if (backup.receipt) return done(backup.receipt, true);
  try {
    const found = await saved(false);
    if (found?.submitted) finish(await submission.receipt(), true);
    else if (found) resume(found.answers);
  } catch (refusal) {
    refused(refusal);
  }
}

async function open() {
  element("begin").addEventListener("click", begin);
  element("submit").addEventListener("click", submit);
  backup.onHandedElsewhere((receipt) => done(receipt, true));
  countDown(element("time"), context, (words) => (element("announce").textContent = words));
  // Most visits are first ones: do not wait for an answer to fetch the first image.
  if (lessons.length || !grid) sitting.prepare();
  else grid.prepare();
  try {
    replay((await saved(true)).answers);
  } catch (refusal) {
    return refused(refusal);
  }
  hideTrouble();
  if (!grid || deck.frontier < lessons.length) sitting.prepare();
  else grid.prepare();
  onReturn(lookAgain);
  element("begin").disabled = false;
  window.focus();
  if (deck.answered) begin();
  else element("begin").focus({ preventScroll: true });
}

open();
