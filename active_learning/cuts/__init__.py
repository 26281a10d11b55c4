"""Validation images -> two cuts that hold the policy's precision and recall with stated confidence.

**Whose promise.** With probability ``confidence`` over the draw of the validation images, for the rule in force at the
end of a campaign: of the images that the model labels yes at least ``precision`` are yes, and of the pool's yes images
at least ``recall`` are not labeled no by the model (what lies between the cuts goes to people, whose labels outside
validation are taken as true).

**The design.** The validation images are a simple random sample of the pool, or one of each stratum of a pilot's scores
(``active_learning.validation``), and never trained on. What models learn from must not depend on their answers, so
neither selection nor the size of a batch looks at the cuts. Each look then tests a model that is fixed.

Strictly, selection that passes over validation images still tells who they are. A caller can avoid this: let the
strategy choose among all images, validation among them; ask people about those that are not; and count everything
chosen, validation images too, as decided: it leaves the sample and the tally, and its yes join ``found_yes``. Given
what was chosen, the validation images that are left are a simple random sample of the images that are left, and every
test here is exact for them. Where validation images were passed over, what people decided stays in the population as
*known*, and is counted exactly.

**The error budget.** ``delta = 1 - confidence`` is halved over the two sides, and look k spends 1 / (k (k + 1)) of a
side's half: the shares add up to one for any number of looks, and the tenth still has a ninetieth, where halving would
leave a thousandth. Nothing is assumed of how the choice among looks is made.

**Precision** (``upper``). At a threshold t, m validation images score above t and x of them are yes; L others of the
population score above t. Given the number Y of yes among the M = m + L, x is hypergeometric. The promise is broken if
fewer than ``precision * |rest > t|`` of the rest are yes, that is Y <= Y' = x + yes_known + ceil(that) - 1, and
P(Hypergeometric(M, Y', m) >= x) is an exact p-value. Thresholds are validation scores, tested from the top down
(``sequence``). Counting *strictly above* the score makes this valid for thresholds that are themselves random: let t*
be the highest score at which the promise is broken; the validation images counted at the first one at or below it are
exactly those above t*, a random sample of all above t*. (What is left of the pool, and so t*, moves a little with the
draw in a small pool. The simulations include this; the proof is for a pool far larger than the sample.)

**Recall** (``lower``, ``uniform``). Let Q of the pool's images be yes and G more be found outside it; the promise is
broken at a threshold if more than ``(1 - recall) * (Q + G)`` yes images of the rest lie below it. Let s be the score
below which just too many lie: it depends on the pool alone, and every broken threshold lies above it. So one test at s
is all that is spent, a hypergeometric tail of the number of the P yes validation images that lie below. Q is bounded
from the sample for a part of the risk where that matters; else the binomial tail bounds the hypergeometric one (Uhlmann
1966).

**Strata** (``stratified``, ``chernoff``). The same two tests with a bound that holds for every spread of the yes images
over the strata.

**Wrong answers of people** (``noise``). Yes answers above the cut may be wrong and flatter the precision, no answers
below it may be wrong and hide what is lost. Their number is bounded through the certainties of the consensus, image by
image on the side in question. That part is model-based.
"""

from active_learning.cuts.calibrating import calibrate, risk_of_look
from active_learning.cuts.samples import Tally, Validation
from active_learning.cuts.tails import chance_of_record, zero_error_minimum

__all__ = ["Tally", "Validation", "calibrate", "chance_of_record", "risk_of_look", "zero_error_minimum"]
