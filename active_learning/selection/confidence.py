"""The samplers of the bandwidth study (github.com/spencerng/bandwidth-aware-learning): by where the confidence lies.

The study sends images of a stream back over a narrow link. It sees a *batch*, has a confidence in [0, 1] and an
inferred class for each image, and picks as many as the link carries. Here the batch is a simple random sample of the
pool, ten images for each one asked for, and the confidence of a yes/no answer is ``|2 p - 1|``: 0 knows nothing (the
study's "nothing detected"), 1 is sure, so that the study's ranges (its halves, its bins of 0.2) keep their sense. The
inferred class is ``p >= 0.5``.

A stratified sampler looks at each inferred class by itself and divides the link among them (``quotas.by_size``). All
ranges are closed at both ends, as in the study's code. A rule may name fewer images than are asked for, since some
ranges are empty; the study then sends less. A round of Winnow is paid for whole, so the rest is filled at random.
Which rule is best depends on the task: low confidence where it is easy, a spread where it is hard.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from active_learning.selection import quotas
from active_learning.selection.pool import Pool, Positions
from active_learning.selection.random_sample import random_key
from active_learning.selection.strategy import Ask, Ranked

Confidences = NDArray[np.float64]
Rule = Callable[[Confidences, np.random.Generator], Positions]
"""Confidences of a class or of the whole batch [B] -> the candidates among them, distinct."""

MIDDLE = NormalDist(0.5, 0.25)
EDGES = tuple(i / 5 for i in range(6))
BATCH = 10
ATTEMPTS = 1000
"""Passes of rejection sampling after which the likeliest are taken. The study's code would go on for ever."""


def confidence(scores: NDArray[np.float32]) -> Confidences:
    """Return ``|2 p - 1|`` [N] in [0, 1]. Exact."""
    return np.abs(2.0 * scores.astype(np.float64) - 1.0)


def between(found: Confidences, low: float, high: float) -> Positions:
    """Return the positions whose confidence is in [low, high]."""
    return np.flatnonzero((found >= low) & (found <= high))


def above_median(found: Confidences, rng: np.random.Generator) -> Positions:
    """The surer half, the median included."""
    return between(found, float(np.median(found)), 1.0)


def below_median(found: Confidences, rng: np.random.Generator) -> Positions:
    """The less sure half, the median included."""
    return between(found, 0.0, float(np.median(found)))


def interquartile(found: Confidences, rng: np.random.Generator) -> Positions:
    """From the first to the third quartile; a quartile between two images is halfway ("midpoint")."""
    low, high = np.quantile(found, [0.25, 0.75], method="midpoint")
    return between(found, float(low), float(high))


def normal(found: Confidences, rng: np.random.Generator) -> Positions:
    """As a normal law of the batch's own mean and standard deviation (n - 1) would have them."""
    if len(found) < 2 or found.std() == 0.0:
        return rng.permutation(len(found))[: round(0.75 * len(found))]
    return by_density(found, NormalDist(float(found.mean()), float(found.std(ddof=1))), rng)


def by_density(found: Confidences, law: NormalDist, rng: np.random.Generator) -> Positions:
    """Return three quarters as many as lie within one deviation of the mean, by rejection sampling with the density.

    Again and again each image left is accepted with probability ``density``, in a new order, until there are enough.
    The density is not scaled: above 1 it always accepts.
    """
    inside = (found >= law.mean - law.stdev) & (found < law.mean + law.stdev)
    wanted = round(0.75 * int(np.count_nonzero(inside)))
    density = np.array([law.pdf(value) for value in found.tolist()])
    left, accepted = rng.permutation(len(found)), np.empty(0, dtype=np.int64)
    for _ in range(ATTEMPTS):
        if len(accepted) >= wanted or not len(left):
            break
        lucky = rng.random(len(left)) <= density[left]
        accepted = np.concatenate([accepted, left[lucky]])
        left = rng.permutation(left[~lucky])
    likeliest = left[np.argsort(-density[left], kind="stable")]
    return np.concatenate([accepted, likeliest])[:wanted].astype(np.int64)


def in_bins(found: Confidences, areas: Sequence[float], rng: np.random.Generator) -> Positions:
    """Return a random ``round(area * batch)`` of each bin of width 0.2; all of a bin that has fewer.

    A confidence on an edge is in both bins; what is drawn twice counts once.
    """
    drawn = []
    for (low, high), area in zip(pairwise(EDGES), areas, strict=True):
        members = rng.permutation(between(found, low, high))
        drawn.append(members[: round(area * len(found))])
    return np.unique(np.concatenate(drawn))


def bin_areas(law: NormalDist) -> list[float]:
    """Return the shares of a law's bins of width 0.2, of what it has between 0 and 1."""
    whole = law.cdf(1.0) - law.cdf(0.0)
    return [(law.cdf(high) - law.cdf(low)) / whole for low, high in pairwise(EDGES)]


def take(candidates: Sequence[Positions], k: int, rng: np.random.Generator) -> Positions:
    """Return at most ``k`` of the candidates of all classes: of each class its quota, at random."""
    shares = quotas.by_size([len(group) for group in candidates], k)
    return np.concatenate([rng.permutation(group)[:share] for group, share in zip(candidates, shares, strict=True)])


@dataclass(frozen=True)
class Sampler:
    """A rule, and whether it looks at each inferred class by itself."""

    rule: Rule
    stratified: bool = True

    def sample(self, scores: NDArray[np.float32], k: int, rng: np.random.Generator) -> Positions:
        """Return at most ``k`` positions of a batch of scores [B], by the study's rule alone."""
        found = confidence(scores)
        yes = scores >= np.float32(0.5)
        groups = [np.flatnonzero(yes), np.flatnonzero(~yes)] if self.stratified else [np.arange(len(scores))]
        return take([group[self.rule(found[group], rng)] for group in groups if len(group)], k, rng)

    def __call__(self, pool: Pool, ask: Ask) -> Positions:
        """Return ``ask.k`` positions: by the rule, and the rest at random."""
        rng = np.random.default_rng(ask.seed)
        chosen = self.sample(pool.need_scores(), ask.k, rng)
        rest = np.setdiff1d(np.arange(len(pool)), chosen)
        return np.concatenate([chosen, rng.permutation(rest)[: ask.k - len(chosen)]])


def sampler(rule: Rule, stratified: bool = True) -> Ranked:
    """The strategy of a rule: it chooses in a random batch."""
    return Ranked(needs=frozenset({"scores"}), key=random_key, width=BATCH, among=Sampler(rule, stratified))


STRATIFIED_RANDOM = sampler(lambda found, rng: np.arange(len(found)))
ABOVE_MEDIAN = sampler(above_median)
BELOW_MEDIAN = sampler(below_median)
ABOVE_HALF = sampler(lambda found, rng: between(found, 0.5, 1.0))
BELOW_HALF = sampler(lambda found, rng: between(found, 0.0, 0.5))
INTERQUARTILE = sampler(interquartile)
NORMAL = sampler(normal)
MID_NORMAL = sampler(lambda found, rng: by_density(found, MIDDLE, rng))
BIN_QUINTILE = sampler(lambda found, rng: in_bins(found, [0.2] * 5, rng), stratified=False)
BIN_NORMAL = sampler(lambda found, rng: in_bins(found, bin_areas(MIDDLE), rng), stratified=False)
