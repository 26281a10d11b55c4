"""How somebody works, and what about it a person should look at: answers and their times -> tallies and findings.

A finding is a reason to look, never a decision. Each comes from a test whose chance of a false alarm is known, and
``level`` keeps that chance for the whole campaign: of crowds in which everybody is honest, at most :data:`ALPHA` raise
one finding of a kind, however many people work and however often they are looked at.

``too_fast``       mean log time an image against the crowd's, in robust deviations; three at least
``one_answer``     the same answer to gold of both kinds, or a run of one answer too long for the order, which is drawn
``falling``        gold answers before some moment against those after it (Fisher's exact test at each of nine moments)
``shared_timing``  two accounts that take the same time at the same places of tasks with different images
``knows_gold``     right on gold far more often than in agreement with others, compared with the crowd

Times are compared as logarithms: those of one person are close to log-normal.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import atanh, ceil, comb, exp, log, sqrt, tanh

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import beta, hypergeom, nchypergeom_fisher, norm, rankdata, t

from active_learning.domain.submission import Answer, Submission
from active_learning.domain.value import Value

FloatArray = NDArray[np.float64]

ALPHA = 0.05
"""Chance of a false alarm of one kind in a whole campaign of honest people."""

DEVIATIONS = 3.0
"""Nobody is called too fast who is less far from the crowd's middle than this."""

EFFICIENCY = 0.37
"""The median absolute deviation estimates a spread as well as so much of the data would (Rousseeuw and Croux 1993)."""

LEAST_CROWD, LEAST_TIMES, LEAST_GOLD, LEAST_SIDE = 8, 20, 40, 10
LEAST_COMPARED, LEAST_PATTERN, LONGEST_PATTERN = 40, 40, 64
MOMENTS = 9
AUTOCORRELATED = 1.25
MUCH = 2.0
"""Nobody knows the gold whose odds on it are less than so many times what the crowd's are, relative to agreement."""

AWAY_MS = 60_000.0
"""Who looks at one image for longer has left: more does not count as time that the work takes."""

FASTEST_S, SLOWEST_S, BINS = 0.1, 60.0, 32
"""Bounds of the histogram of times, on a logarithmic scale; what lies outside counts in the first or last bin."""


class Kind(StrEnum):
    """What a finding is about."""

    TOO_FAST = "too_fast"
    ONE_ANSWER = "one_answer"
    FALLING = "falling"
    SHARED_TIMING = "shared_timing"
    KNOWS_GOLD = "knows_gold"


class Finding(Value):
    """A reason to look at somebody's work.

    ``p`` is the chance of something at least so far off from honest work, corrected for the ways to find it; it is
    below ``level``. ``statistic`` lies beyond ``threshold``. ``about`` has the numbers that say it in words, ``other``
    the account that it is about as well.
    """

    kind: Kind
    statistic: float
    threshold: float
    p: float
    level: float
    about: dict[str, float]
    other: str = ""


class Tally(Value):
    """What one submission adds to the kept sums about its annotator. Times of grids are not those of single images.

    ``pattern`` are the logarithms of the seconds at its first places; ``times`` is a histogram, bin -> answers.
    """

    answers: int = 0
    yes: int = 0
    active_ms: int = 0
    hidden_ms: int = 0
    changes: int = 0
    timed: int = 0
    log_s: float = 0.0
    log_s2: float = 0.0
    times: dict[int, int] = Field(default_factory=dict)
    streak: int = 0
    pattern: tuple[float, ...] = ()


def tally(submission: Submission, one_at_a_time: bool) -> Tally:
    """Sum up a submission, its lessons left out except for the time that they took."""
    answers = submission.answers
    every = (*submission.lessons, *answers)
    logs = [log(seconds(a)) for a in answers if a.visible_ms > 0] if one_at_a_time else []
    times: dict[int, int] = {}
    for one in logs:
        times[bin_of(exp(one))] = times.get(bin_of(exp(one)), 0) + 1
    return Tally(
        answers=len(answers),
        yes=sum(a.value for a in answers),
        active_ms=round(sum(min(a.visible_ms, AWAY_MS) for a in every)),
        hidden_ms=round(sum(a.hidden_ms for a in every)),
        changes=sum(a.changes for a in answers),
        timed=len(logs),
        log_s=sum(logs),
        log_s2=sum(one * one for one in logs),
        times=times,
        streak=longest_run([a.value for a in answers])[0],
        pattern=tuple(logs[:LONGEST_PATTERN]),
    )


def seconds(answer: Answer) -> float:
    """How long somebody looked at an image before the (last) answer, between a millisecond and a minute."""
    return min(max(answer.visible_ms, 1.0), AWAY_MS) / 1000.0


def bin_of(time_s: float) -> int:
    """The bin of a time in the histogram."""
    share = log(time_s / FASTEST_S) / log(SLOWEST_S / FASTEST_S)
    return min(max(int(share * BINS), 0), BINS - 1)


def middle_s(log_s: float, timed: int) -> float | None:
    """The geometric mean of ``timed`` times whose logarithms add up to ``log_s``; ``None`` of none."""
    return exp(log_s / timed) if timed else None


def median_s(counts: Sequence[int]) -> float | None:
    """The middle (on the logarithmic scale) of the bin that holds the median; ``None`` of an empty histogram."""
    half, edges = sum(counts) / 2, edges_s()
    if not half:
        return None
    bin = next(n for n in range(len(counts)) if sum(counts[: n + 1]) >= half)
    return sqrt(edges[bin] * edges[bin + 1])


def edges_s() -> tuple[float, ...]:
    """The bounds of the bins in seconds: one more than there are bins."""
    return tuple(FASTEST_S * (SLOWEST_S / FASTEST_S) ** (n / BINS) for n in range(BINS + 1))


def interval(right: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of Clopper and Pearson for a share; everything is possible where there is nothing."""
    if not of:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = float(beta.ppf(tail, right, of - right + 1)) if right else 0.0
    high = float(beta.ppf(1.0 - tail, right + 1, of - right)) if right < of else 1.0
    return low, high


def longest_run(values: Sequence[bool]) -> tuple[int, bool]:
    """The length of the longest run of one answer, and which answer; ``(0, False)`` of nothing."""
    best, which, length = 0, False, 0
    for n, value in enumerate(values):
        length = length + 1 if n and value is values[n - 1] else 1
        if length > best:
            best, which = length, value
    return best, which


def level(tests: int, look: int = 1) -> float:
    """How small ``p`` must be: :data:`ALPHA` shared by all ``tests``, and by every further ``look`` at somebody.

    The shares of the looks, 1/2, 1/6, 1/12, ..., add up to one.
    """
    return ALPHA / (max(tests, 1) * look * (look + 1))


def too_fast(own_log_s: float, timed: int, others_log_s: Sequence[float], at: float) -> Finding | None:
    """Compare somebody's mean log time with those of others, by median and median absolute deviation.

    Those hold where a good part of the crowd rushes. The deviations are judged by Student's distribution with as many
    degrees of freedom as that spread is worth. Looking again at nearly the same mean does not count as another look.
    """
    crowd = len(others_log_s)
    if crowd < LEAST_CROWD or timed < LEAST_TIMES:
        return None
    middle = float(np.median(others_log_s))
    spread = max(1.4826 * float(np.median(np.abs(np.asarray(others_log_s) - middle))), 1e-3)
    z = (own_log_s - middle) / spread
    scale = sqrt(1.0 + (np.pi / 2.0) / crowd)  # the median itself is uncertain
    freedom = max(2.0, EFFICIENCY * (crowd - 1))
    p = float(t.cdf(z / scale, freedom))
    threshold = -max(DEVIATIONS, -float(t.ppf(at, freedom)) * scale)
    if z > threshold:
        return None
    about = {"seconds": exp(own_log_s), "crowd_seconds": exp(middle), "crowd": crowd, "answers": timed}
    return Finding(kind=Kind.TOO_FAST, statistic=z, threshold=threshold, p=p, level=at, about=about)


def one_answer(sittings: Sequence[Sequence[Answer]], honest_accuracy: float, at: float) -> Finding | None:
    """Two tests, so each ``p`` counts twice: the same answer to everything, and the longest run within one sitting.

    The order of a sitting's images is drawn by chance, so that every arrangement of its answers is as likely as any
    other for somebody who looks at each image.
    """
    return _always(sittings, honest_accuracy, at) or _streak(sittings, at)


def _always(sittings: Sequence[Sequence[Answer]], honest_accuracy: float, at: float) -> Finding | None:
    answers = [answer for sitting in sittings for answer in sitting]
    if len({answer.value for answer in answers}) != 1:
        return None
    said = answers[0].value
    right = sum(answer.gold is said for answer in answers)
    wrong = sum(answer.gold is (not said) for answer in answers)
    p = min(1.0, 2.0 * 2.0 * honest_accuracy**right * (1.0 - honest_accuracy) ** wrong)
    if p > at:
        return None
    about = {"said_yes": float(said), "answers": len(answers), "gold_other": wrong}
    needed = ceil(log(at / 4.0) / log(1.0 - honest_accuracy))
    return Finding(kind=Kind.ONE_ANSWER, statistic=wrong, threshold=min(needed, wrong), p=p, level=at, about=about)


def _streak(sittings: Sequence[Sequence[Answer]], at: float) -> Finding | None:
    best: tuple[float, int, Sequence[Answer]] | None = None
    for sitting in sittings:
        values = [answer.value for answer in sitting]
        length, _ = longest_run(values)
        p = chance_of_run(length, sum(values), len(values))
        if best is None or p < best[0]:
            best = (p, length, sitting)
    if best is None:
        return None
    p = min(1.0, 2.0 * best[0] * len(sittings))
    if p > at:
        return None
    values = [answer.value for answer in best[2]]
    yes, n = sum(values), len(values)
    threshold = next(k for k in range(1, n + 1) if 2.0 * len(sittings) * chance_of_run(k, yes, n) <= at)
    about = {"said_yes": float(longest_run(values)[1]), "answers": n, "run": best[1], "yes": yes}
    return Finding(kind=Kind.ONE_ANSWER, statistic=best[1], threshold=threshold, p=p, level=at, about=about)


def chance_of_run(length: int, yes: int, of: int) -> float:
    """Chance of a run of ``length`` or more of either answer, when ``yes`` of ``of`` answers come in random order.

    Exact for each answer (inclusion and exclusion over the gaps between the others), added up: never too small.
    """
    if length <= 0:
        return 1.0
    return min(1.0, sum(1.0 - _without_run(length, k, of - k) for k in (yes, of - yes)))


def _without_run(length: int, ones: int, others: int) -> float:
    """Share of the arrangements in which every run of ``ones`` is shorter than ``length``."""
    n, gaps = ones + others, others + 1
    ways = sum((-1) ** j * comb(gaps, j) * comb(n - j * length, others) for j in range(min(gaps, ones // length) + 1))
    return float(ways / comb(n, others))


def falling(right: Sequence[bool], at: float) -> Finding | None:
    """Compare gold answers (in the order of time) before a moment with those after it, at nine moments."""
    n, k = len(right), sum(right)
    if n < LEAST_GOLD:
        return None
    moments = sorted({round(n * m / (MOMENTS + 1)) for m in range(1, MOMENTS + 1)})
    moments = [m for m in moments if LEAST_SIDE <= m <= n - LEAST_SIDE]
    after = {m: sum(right[m:]) for m in moments}
    chances = {m: float(hypergeom.cdf(after[m], n, k, n - m)) for m in moments}
    moment = min(chances, key=lambda m: (chances[m], m))
    p = min(1.0, len(moments) * chances[moment])
    if p > at:
        return None
    later = n - moment
    about = {"before": moment, "before_right": k - after[moment], "after": later, "after_right": after[moment]}
    most = int(hypergeom.ppf(at / len(moments), n, k, later))
    threshold = (most - 1 if hypergeom.cdf(most, n, k, later) > at / len(moments) else most) / later
    share = after[moment] / later
    return Finding(kind=Kind.FALLING, statistic=share, threshold=threshold, p=p, level=at, about=about)


def shared_timing(own: Sequence[float], others: Mapping[str, Sequence[float]], at: float) -> Finding | None:
    """Correlate log times at the same places of a task with those of every other account; ``at`` is one pair's level.

    Images differ from person to person, so what two people have in common is that they grow faster or slower in the
    course of a task: a cubic takes that out. What is left is exchanged for normal scores, which no long pause can
    rule, and Fisher's transform of its correlation is normal, with 1.25 times the usual variance: one slow image is
    often followed by another (autocorrelation of a third on both sides; Bartlett's formula).
    """
    best: tuple[float, float, str, int] | None = None
    for other in sorted(others):
        length = min(len(own), len(others[other]))
        if length < LEAST_PATTERN:
            continue
        mine, theirs = (_shape(times[:length]) for times in (own, others[other]))
        if mine is None or theirs is None:
            continue
        r = min(float(mine @ theirs), 1.0 - 1e-9)
        if best is None or _fisher(r, length) > best[0]:
            best = (_fisher(r, length), r, other, length)
    if best is None:
        return None
    z, r, other, length = best
    p, threshold = float(norm.sf(z)), tanh(float(norm.isf(at)) / _fisher(tanh(1.0), length))
    if p > at:
        return None
    about = {"places": length, "correlation": r}
    return Finding(kind=Kind.SHARED_TIMING, statistic=r, threshold=threshold, p=p, level=at, about=about, other=other)


def _fisher(r: float, length: int) -> float:
    """The standard normal that a correlation becomes; the cubic costs three more than the usual three."""
    return atanh(r) * sqrt((length - 6) / AUTOCORRELATED)


def _shape(log_s: Sequence[float]) -> FloatArray | None:
    """Normal scores of what a cubic leaves of log times, of length one; ``None`` where nothing is left."""
    n = len(log_s)
    basis = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, n), 3)
    axes, _ = np.linalg.qr(basis)
    times = np.asarray(log_s, dtype=float)
    left = times - axes @ (axes.T @ times)
    if left.std() < 1e-6:
        return None
    scores = norm.ppf((rankdata(left) - 0.5) / n)
    scores = scores - axes @ (axes.T @ scores)
    return np.asarray(scores / np.linalg.norm(scores))


class Agreement(Value):
    """Gold answered right, and answers to other images that agree with what was decided about them."""

    right: int = 0
    gold: int = 0
    agreed: int = 0
    compared: int = 0

    def minus(self, other: "Agreement") -> "Agreement":
        """Without somebody's own part."""
        return Agreement(**{name: value - getattr(other, name) for name, value in self.model_dump().items()})

    @property
    def odds(self) -> float:
        """Odds on gold relative to those of agreement (Haldane's correction)."""
        wrong, apart = self.gold - self.right, self.compared - self.agreed
        return (self.right + 0.5) * (apart + 0.5) / ((wrong + 0.5) * (self.agreed + 0.5))


def knows_gold(own: Agreement, crowd: Agreement, at: float) -> Finding | None:
    """Ask whether somebody's odds on gold are more than twice the crowd's, relative to agreement with others.

    An exact test: given all sums, the right gold answers of somebody at that bound follow Fisher's noncentral
    hypergeometric distribution. Gold is often easier than what is asked, for everybody: hence the crowd.
    """
    if own.gold < LEAST_GOLD or own.compared < LEAST_COMPARED or crowd.compared < LEAST_COMPARED:
        return None
    bound = MUCH * max(crowd.odds, 1.0)
    law = nchypergeom_fisher(own.gold + own.compared, own.right + own.agreed, own.gold, bound)
    p = float(law.sf(own.right - 1))
    if p > at:
        return None
    about = {name: float(value) for name, value in own.model_dump().items()}
    about |= {"crowd_gold": crowd.right / max(crowd.gold, 1), "crowd_agreed": crowd.agreed / crowd.compared}
    return Finding(kind=Kind.KNOWS_GOLD, statistic=own.odds, threshold=bound, p=p, level=at, about=about)
