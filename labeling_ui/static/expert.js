/** The expert page: the researcher answers images; they become gold. */
import { context, element } from "./answering/context.js";
import { Deck } from "./answering/deck.js";
import { request } from "./answering/requests.js";
import { Saver } from "./answering/saver.js";
import { LAST, sit } from "./answering/sitting.js";
import { fromAddresses } from "./answering/sources.js";
import { showTrouble } from "./answering/trouble.js";

const { images, ids, gold, keys } = context;
const deck = new Deck(images.length);
const counts = { true: context.gold_yes, false: context.gold_no };

// Gold is final once it is stored, so an answer is held back as long as it is on the strip and can be changed.
const held = new Map();
window.addEventListener("pagehide", () => release(deck.frontier));

const saver = new Saver((answers, how) => request("POST", gold, { body: { answers }, ...how }), element("saved"));
saver.addEventListener("refused", ({ detail }) => showTrouble(detail));

const sitting = sit({
  deck,
  keys,
  source: fromAddresses(images),
  onAnswer({ position, value }, before) {
    counts[value] += 1;
    if (before !== undefined) counts[before] -= 1;
    held.set(position, { image: ids[position], value });
    release(deck.frontier - LAST);
  },
  onMove: draw,
  onRefused: showTrouble,
});

/** Hand over what lies before `end`: from now on it is final. */
function release(end) {
  deck.floor = Math.max(deck.floor, end);
  for (const [position, answer] of held) {
    if (position >= deck.floor) continue;
    held.delete(position);
    saver.add(position, answer);
  }
}

function draw() {
  element("gold-yes").textContent = counts.true;
  element("gold-no").textContent = counts.false;
  element("progress").value = Math.min(counts.true, context.wanted_yes) + Math.min(counts.false, context.wanted_no);
  const turned = element("review").hidden === deck.finished;
  element("work").hidden = deck.finished;
  element("review").hidden = !deck.finished;
  if (!turned) return;
  element("tally").textContent = `There are ${counts.true} yes and ${counts.false} no gold now.`;
  if (deck.finished) element("review-title").focus();
}

for (const link of document.querySelectorAll("a.leave")) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    release(deck.frontier);
    await saver.settled().then(() => location.assign(link.href), showTrouble);
  });
}

sitting.begin();
