"""Validation images -> two cuts that hold the policy's precision and recall with stated confidence.

**Whose promise.** With probability ``confidence`` over the draw of the validation images, at every look of a campaign:
of the images that the model labels yes at least ``precision`` are yes, and of the pool's yes images at least ``recall``
are labeled yes (by the model or by people, provided that what lies between the cuts goes to people). Answers of people
are taken as true.

**The design.** The validation images are a simple random sample of the pool without replacement, drawn before any
selection and never trained on (``active_learning.splits``). The *known* images are the others that people decided;
selection chose them, so they say nothing about the rest, but they are counted exactly. The *rest* is everything else of
the pool: images that the model labeled earlier belong to it, because every look decides them anew.

**The error budget.** ``delta = 1 - confidence`` is halved over the two sides, and look k spends ``2 ** -k`` of a side's
half. The shares add up to less than the whole for any number of looks, and the first look, which may well be the last,
gets half of it.

**Precision** (:func:`_passed`). At a threshold t, m validation images score above t and x of them are yes; L images of
rest and known score above t. The validation images are a random m of those M = m + L, so given the number Y of yes
among the M, x is hypergeometric. The promise is broken at t if fewer than ``precision * |rest > t|`` of the rest are
yes, which means Y <= Y' = x + yes_known + ceil(precision * |rest > t|) - 1. The largest chance of x or more under that
is P(Hypergeometric(M, Y', m) >= x), an exact p-value for the images that are left. For a pool far larger than the
sample it is the binomial p-value of the hypothesis that the precision of the pool above t is at most
``(precision * |rest > t| + yes_known) / L``; in a small pool the binomial would promise too much, because what is left
varies too. Thresholds are the validation scores, tested from the top down as long as they pass (fixed-sequence testing,
Learn-then-Test, Angelopoulos et al. 2021): no correction over thresholds is due, since a broken promise needs the first
broken threshold to pass. Counting *strictly above* the m-th score makes this valid for thresholds which are themselves
random: let t* be the highest score at which the promise is broken and m* the first validation score at or below it.
The m* - 1 validation images counted there are exactly those above t*, and given their number they are a random sample
of all above t*, so the test at m* passes with probability at most the risk. The sequence starts at the first threshold
where a perfect record would pass, which the answers have no part in. Two remarks: if the precision were broken at the
start and mended further down, the risk would grow by the chance that the start falls into that stretch; and in a small
pool t* itself moves a little with the draw, which the simulation in ``tests/laws/test_cuts.py`` includes.

**Recall** (:func:`_lost_allowed`). Let Q of the pool's images be yes and G more have been found outside it (gold,
images chosen at random); the promise is broken at a threshold if more than ``(1 - recall) * (Q + G)`` yes images of
the rest lie below it. If k of the P yes validation images lie below too, at least ``lost(Q) + k`` of the Q do, where
``lost(Q)`` is the smallest number that breaks the promise. Let s be the score below which exactly that many lie: it
depends on the pool alone. The (k + 1)-th smallest yes validation score exceeds s only if at most k of the P, a random
sample of the Q, lie below s: a hypergeometric tail. Q is not known, so the largest tail over all Q that the number of
yes among the validation images leaves plausible is taken; a fifth of the risk pays for the chance that Q is larger
than those. The largest k whose tail is within the rest of the risk depends on counts alone, so no testing over
thresholds takes place. For a pool far larger than the sample the tail is P(Binomial(P, 1 - recall) <= k), which
bounds it in any pool (Uhlmann 1966). It is conservative where known yes images lie below the cut: people found them,
yet they count as if lost.

**A model that has seen the known images** scores them too well: their yes images lie too high, their no images too low.
That raises the precision asked of the rest and thus errs on the safe side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln
from scipy.stats import binom, hypergeom

from active_learning.domain.cuts import Calibration, Cuts
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

_RISK_OF_SIZE = 0.2  # share of the recall side's risk that pays for not knowing how many yes images the pool has
_BLOCKS = 24
_CHUNK = 32  # thresholds tested at once: the sequence mostly ends long before the validation scores do

Scores = Sequence[float] | NDArray[np.floating]
Answers = Sequence[bool] | NDArray[np.bool_]


def risk_of_look(confidence: float, look: int) -> float:
    """Return the error budget that one side spends at look 1, 2, ...: half of delta, then half of it each time again.

    Raises:
        InputError: ``look`` is below 1.
    """
    if look < 1:
        raise InputError(f"There is no look {look}.", "Looks at the validation images are counted from 1.")
    return (1.0 - confidence) / 2.0 * 2.0**-look


def zero_error_minimum(target: float, risk: float) -> int:
    """Return the smallest sample whose perfect record shows that a share exceeds ``target``: target ** n <= risk."""
    return ceil(log(risk) / log(target) - 1e-12)


def chance_of_record(
    seen: NDArray[np.int64], seen_yes: NDArray[np.int64], left: NDArray[np.int64], left_yes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the largest chance that ``seen`` images have ``seen_yes`` or more yes and leave at most ``left_yes``.

    The ``seen`` are drawn at random from ``seen + left`` images with any number Y of yes among them. The chance of the
    event grows with Y until Y = seen_yes + left_yes and falls beyond: there it is this hypergeometric tail.
    """
    return np.asarray(hypergeom.sf(seen_yes - 1, seen + left, seen_yes + left_yes, seen))


def calibrate(
    validation_scores: Scores,
    validation_answers: Answers,
    rest_scores: Scores,
    known_scores: Scores,
    known_answers: Answers,
    policy: Policy,
    look: int,
    found_yes: int = 0,
) -> Calibration:
    """Choose the cuts of one model. All scores are of this model; higher means yes.

    Where the two sides overlap (``lower > upper``) the model is good enough to decide everything, and both cuts become
    the one threshold of that stretch that is nearest to 0.5.

    Args:
        validation_scores: scores [n] of the validation images that people answered.
        validation_answers: their answers [n].
        rest_scores: scores of every other image of the pool that people have not decided, the ones that an earlier
            model labeled among them.
        known_scores: scores of the images that people decided because a score chose them. What was chosen at random is
            better left out: it leaves the rest as like the validation images as it was. So is what could not have been
            drawn for validation, such as imported gold.
        known_answers: their answers.
        policy: targets and confidence.
        look: how often validation answers were used to choose cuts in this category, this time included.
        found_yes: yes images that people decided and that are in none of the three groups: imported gold, images
            chosen at random. They are not lost, so they count for the recall.

    Raises:
        InputError: scores that are not finite, lengths that differ, or a look below 1.
    """
    risk = risk_of_look(policy.confidence, look)
    sample = _Sample(
        *_checked("validation", validation_scores, validation_answers),
        rest=np.sort(_finite("rest", rest_scores)),
        known=_Known(*_checked("known", known_scores, known_answers)),
    )
    passed = _passed(sample, policy.precision, risk)
    upper = float(passed[-1]) if len(passed) else None
    size = len(sample.scores) + len(sample.rest) + len(known_scores)
    yes = _YesInPool(len(sample.positives), len(sample.scores), size, found_yes, risk)
    allowed = _lost_allowed(yes, policy.recall, risk)
    lower = None if allowed is None else float(sample.positives[allowed])
    if lower is not None and upper is not None and lower > upper:
        shared = passed[passed <= lower]
        upper = lower = float(shared[np.argmin(np.abs(shared - 0.5))]) if len(shared) else lower
    return Calibration(
        cuts=Cuts(lower=lower, upper=upper),
        n=len(sample.scores),
        positives=len(sample.positives),
        precision_bound=None if upper is None else _precision_bound(sample, upper, risk),
        recall_bound=None if lower is None else _recall_bound(yes, sample.lost_below(lower), policy.recall, risk),
        confidence=policy.confidence,
        look=look,
        risk=risk,
        needed=_needed(sample, lower, upper, policy, risk_of_look(policy.confidence, look + 1)),
    )


class _Known:
    """Images decided by people: how many and how many yes score above a threshold."""

    def __init__(self, scores: NDArray[np.float64], answers: NDArray[np.bool_]) -> None:
        self._all = np.sort(scores)
        self._yes = np.sort(scores[answers])

    def above(self, t: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return _count_above(self._all, t), _count_above(self._yes, t)


@dataclass(frozen=True)
class _Counts:
    """What lies strictly above each of T thresholds."""

    seen: NDArray[np.int64]  # validation images
    seen_yes: NDArray[np.int64]
    rest: NDArray[np.int64]
    known: NDArray[np.int64]
    known_yes: NDArray[np.int64]

    def __getitem__(self, part: slice) -> "_Counts":
        return _Counts(self.seen[part], self.seen_yes[part], self.rest[part], self.known[part], self.known_yes[part])

    def p_values(self, seen_yes: NDArray[np.int64], rest_yes: NDArray[np.int64]) -> NDArray[np.float64]:
        """P-values of "at most ``rest_yes`` of the rest are yes" [T]; 1 where there is no rest to speak of."""
        p = chance_of_record(self.seen, seen_yes, self.rest + self.known, np.maximum(rest_yes, 0) + self.known_yes)
        return np.where(self.rest > 0, p, 1.0)


class _Sample:
    """The validation images, and what their thresholds cut off of the rest of the pool."""

    def __init__(
        self, scores: NDArray[np.float64], answers: NDArray[np.bool_], rest: NDArray[np.float64], known: _Known
    ) -> None:
        self.scores = np.sort(scores)
        self.positives = np.sort(scores[answers])
        self.rest = rest
        self.known = known
        self.thresholds = np.unique(scores)[::-1]
        # Half an image is added to either answer: no share is taken for 0 because none was met.
        self.share_yes = (len(self.positives) + 0.5) / (len(self.scores) + 1.0)

    def lost_below(self, t: float) -> int:
        return int(np.sum(self.positives < t))

    def above(self, t: NDArray[np.float64]) -> _Counts:
        return _Counts(
            _count_above(self.scores, t),
            _count_above(self.positives, t),
            _count_above(self.rest, t),
            *self.known.above(t),
        )


class _YesInPool:
    """How many yes images the pool may have, judged by a random sample of it.

    ``sampled`` of ``n`` images drawn from ``size`` are yes; ``found`` more yes images are known outside the pool.
    """

    def __init__(self, sampled: int, n: int, size: int, found: int, risk: float) -> None:
        self.sampled = sampled
        self._found = found
        most = _most_yes(sampled, n, size, risk * _RISK_OF_SIZE)
        # Plausible numbers in blocks: evaluated at a block's worst corner, the largest tail is bounded, not missed.
        self._edges = np.unique(np.geomspace(max(sampled, 1), max(most, 1), _BLOCKS + 1).astype(np.int64))

    def tail(self, k: int, recall: float) -> float:
        """Bound the chance that a broken ``recall`` leaves at most ``k`` of the sampled yes images below the cut."""
        low = np.concatenate([self._edges[:1], self._edges[:-1] + 1])
        below = np.floor((1.0 - recall) * (low + self._found) + 1e-9).astype(np.int64) + 1 + k
        possible = below <= self._edges
        tails = _lower_tail(k, self._edges[possible], below[possible], self.sampled)
        return min(float(tails.max(initial=0.0)), float(binom.cdf(k, self.sampled, 1.0 - recall)))


def _lower_tail(k: int, total: NDArray[np.int64], marked: NDArray[np.int64], drawn: int) -> NDArray[np.float64]:
    """Return P(Hypergeometric(total, marked, drawn) <= k) [T]; a tenth of the time of scipy's for small ``k``."""
    i = np.arange(k + 1, dtype=np.float64)[:, None]
    possible = (i <= marked) & (drawn - i <= total - marked)
    with np.errstate(invalid="ignore"):
        terms = _log_choose(marked, i) + _log_choose(total - marked, drawn - i) - _log_choose(total, drawn)
    return np.asarray(np.exp(np.where(possible, terms, -np.inf)).sum(axis=0))


def _log_choose(n: NDArray[np.int64], k: NDArray[np.float64] | int) -> NDArray[np.float64]:
    return np.asarray(-np.log(n + 1.0) - betaln(n - k + 1.0, k + 1.0))


def _most_yes(sampled: int, n: int, size: int, risk: float) -> int:
    """Return the most yes among ``size`` images that leave ``sampled`` of ``n`` a chance above ``risk``: exact."""
    low, high = sampled, size - (n - sampled)
    while low < high:
        middle = (low + high + 1) // 2
        if _lower_tail(sampled, np.array([size]), np.array([middle]), n)[0] > risk:
            low = middle
        else:
            high = middle - 1
    return low


def _passed(sample: _Sample, target: float, risk: float) -> NDArray[np.float64]:
    """Return the thresholds that pass in a row from the start of the sequence on, from the top down."""
    passed: list[float] = []
    for first in range(0, len(sample.thresholds), _CHUNK):
        chunk = sample.thresholds[first : first + _CHUNK]
        counts = sample.above(chunk)
        broken = np.ceil(target * counts.rest - 1e-9).astype(np.int64) - 1
        passes = counts.p_values(counts.seen_yes, broken) <= risk
        # What passes would have passed with a perfect record too: only before the first pass is this in question.
        able = np.ones(len(chunk), dtype=bool) if passed else counts.p_values(counts.seen, broken) <= risk
        for t, does, can in zip(chunk, passes, able, strict=True):
            if does:
                passed.append(float(t))
            elif passed or can:
                return np.array(passed)
    return np.array(passed)


def _lost_allowed(pool: _YesInPool, recall: float, risk: float) -> int | None:
    """Return how many yes validation images may lie below the cut; ``None`` when even 0 is too many."""
    k = -1
    while k + 1 < pool.sampled and pool.tail(k + 1, recall) <= risk * (1.0 - _RISK_OF_SIZE):
        k += 1
    return None if k < 0 else k


def _precision_bound(sample: _Sample, upper: float, risk: float) -> float:
    """Return the smallest share of yes among the rest above the cut that the validation images do not rule out."""
    counts = sample.above(np.array([upper]))
    low, high = 0, int(counts.rest[0])
    while low < high:
        middle = (low + high) // 2
        if counts.p_values(counts.seen_yes, np.array([middle]))[0] > risk:
            high = middle
        else:
            low = middle + 1
    return low / int(counts.rest[0])


def _recall_bound(pool: _YesInPool, lost: int, recall: float, risk: float) -> float:
    """Return the largest recall, ``recall`` or more, that holds with ``lost`` yes validation images below the cut."""
    low, high = recall, 1.0
    for _ in range(14):
        middle = (low + high) / 2.0
        if pool.tail(lost, middle) <= risk * (1.0 - _RISK_OF_SIZE):
            low = middle
        else:
            high = middle
    return low


def _needed(sample: _Sample, lower: float | None, upper: float | None, policy: Policy, risk: float) -> int:
    """Return how many more validation images the sides without a cut need; 0 when both have one or nothing is left."""
    needed = 0
    if upper is None and len(sample.rest):
        needed = _needed_above(sample, policy.precision, risk)
    if lower is None and len(sample.rest):
        needed = max(needed, _needed_positives(sample, policy.recall, risk))
    return needed


def _needed_above(sample: _Sample, target: float, risk: float) -> int:
    """Return how many more validation images would let the sequence start, if they repeat the record of these.

    Only thresholds down to the start count: what would pass further down does not help a sequence that never
    gets there.
    The record of a threshold is taken half an image worse on both counts, so that three right of three promise little.
    Where no record is good enough, more images alone will not help; the number then is what a model half way between
    the target and perfection would need with so many yes images as these.
    """
    n = len(sample.scores)
    counts = sample.above(sample.thresholds)
    need = (target * counts.rest + counts.known_yes) / np.maximum(counts.rest + counts.known, 1)
    rate = (counts.seen_yes + 0.5) / (counts.seen + 1.0)
    hopeful = (counts.rest > 0) & (counts.seen > 0)
    able = np.flatnonzero(hopeful & (need**counts.seen <= risk))
    hopeful[able[0] + 1 if len(able) else n :] = False
    hopeful &= rate > need
    if not hopeful.any():
        size = float(_size(np.array([(1.0 + target) / 2.0]), np.array([target]), risk)[0])
        return max(1, ceil(size / sample.share_yes) - n)
    growth = _size(rate[hopeful], need[hopeful], risk) / counts.seen[hopeful]
    return max(1, ceil(n * (float(growth.min()) - 1.0)))


def _needed_positives(sample: _Sample, recall: float, risk: float) -> int:
    """Return how many more validation images bring enough yes images for a perfect record to show the recall."""
    return max(1, ceil(zero_error_minimum(recall, risk) / sample.share_yes) - len(sample.scores))


def _size(rate: NDArray[np.float64], target: NDArray[np.float64], risk: float) -> NDArray[np.float64]:
    """Return the sample sizes at which a record of ``rate`` shows a share above ``target``, by bisection.

    P(Binomial(n, target) >= rate n), continued to real n, is the incomplete beta function
    I_target(rate n, (1 - rate) n + 1).
    """
    low, high = np.zeros(len(rate)), np.full(len(rate), log(1e9))
    for _ in range(40):
        middle = (low + high) / 2.0
        n = np.exp(middle)
        passes = betainc(rate * n, (1.0 - rate) * n + 1.0, target) <= risk
        low, high = np.where(passes, low, middle), np.where(passes, middle, high)
    return np.asarray(np.exp(high))


def _count_above(ascending: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.int64]:
    return len(ascending) - np.searchsorted(ascending, t, side="right")


def _finite(name: str, scores: Scores) -> NDArray[np.float64]:
    array = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"A {name} score is not a finite number.", "Train the model again; its training diverged.")
    return array


def _checked(name: str, scores: Scores, answers: Answers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    array, values = _finite(name, scores), np.asarray(answers, dtype=bool)
    if array.shape != values.shape or array.ndim != 1:
        raise InputError(
            f"There are {array.size} {name} scores but {values.size} answers.", "Give one answer for every score."
        )
    return array, values
