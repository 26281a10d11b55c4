/** The task page: one assignment from its first image to its submission. */
import { context, element } from "./answering/context.js";
import { countDown } from "./answering/countdown.js";
import { Deck } from "./answering/deck.js";
import { patience } from "./answering/patience.js";
import { request, Unreachable } from "./answering/requests.js";
import { Saver } from "./answering/saver.js";
import { sit } from "./answering/sitting.js";
import { Strip } from "./answering/strip.js";
import { post, Submission } from "./answering/submission.js";
import { hideTrouble, showTrouble } from "./answering/trouble.js";

const { token, of, endpoints, reward_cents: reward, keys } = context;
const address = (position) => `${endpoints.images.replace("{position}", position)}?token=${encodeURIComponent(token)}`;
const deck = new Deck(of);
const submission = new Submission(endpoints.submission, token);
const saver = new Saver((answers, how) => request("PUT", endpoints.answers, { token, body: { answers }, ...how }), element("saved"));
saver.addEventListener("refused", ({ detail }) => showTrouble(detail));
const overview = new Strip(element("all"), address, (position) => deck.goTo(position));

const sitting = sit({
  deck,
  keys,
  address,
  onAnswer: (answer) => saver.add(answer.position, answer),
  onMove: draw,
  onEnter() {
    if (!element("review").hidden) submit();
    else if (!element("start").hidden) element("begin").click();
  },
});

function draw() {
  const money = (cents) => `$${(cents / 100).toFixed(2)}`;
  element("count").textContent = deck.finished ? `${of} of ${of}` : `${deck.position + 1} of ${of}`;
  element("money").textContent = `${money(Math.floor((reward * deck.answered) / of))} of ${money(reward)}`;
  element("progress").value = deck.answered;
  if (element("start").hidden) turnTo(deck.finished ? "review" : "work");
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
  element("tally").textContent = `You said yes to ${deck.count(true)} and no to ${deck.count(false)} of ${of}.`;
  element("overview").open = false;
  element("announce").textContent = `All ${of} images are answered. Press Enter to submit.`;
  element("submit").focus();
}

element("overview").addEventListener("toggle", ({ target }) => {
  if (target.open) overview.draw(deck, Array.from({ length: of }, (_, position) => position));
});

function begin() {
  turnTo("work");
  sitting.begin();
}

async function submit() {
  const button = element("submit");
  const tell = (words) => (element("submitting").textContent = words);
  button.setAttribute("aria-disabled", "true");
  tell("Submitting…");
  try {
    const reply = await submission.send(
      () => saver.settled(),
      () => tell("Offline. It is submitted as soon as the connection is back."),
    );
    if (reply) finish(reply);
  } catch (refusal) {
    tell("");
    button.removeAttribute("aria-disabled");
    showTrouble(refusal);
  }
}

function finish({ receipt, action, fields }) {
  sitting.end();
  hideTrouble();
  if (action) return post(action, fields);
  element("receipt").textContent = receipt;
  turnTo("done");
}

/** What an earlier visit of this page has answered already. */
async function earlier() {
  for (let failures = 0; ; ) {
    try {
      return (await request("GET", endpoints.assignment, { token })).answered;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      failures += 1;
      showTrouble({ message: "Winnow does not answer.", hint: "Trying again…" });
      await patience(failures);
    }
  }
}

async function open() {
  element("begin").addEventListener("click", begin);
  element("submit").addEventListener("click", submit);
  countDown(element("time"), context, (words) => (element("announce").textContent = words));
  try {
    deck.resume(await earlier());
  } catch (refusal) {
    return showTrouble(refusal);
  }
  hideTrouble();
  element("begin").disabled = false;
  window.focus();
  if (deck.answered) begin();
  else element("begin").focus({ preventScroll: true });
}

open();
