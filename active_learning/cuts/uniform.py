"""Exact tests where the validation images are one simple random sample of the pool."""

import numpy as np
from scipy.special import bdtr

from active_learning.cuts.noise import at_most, weights
from active_learning.cuts.samples import Floats, Integers, Validation
from active_learning.cuts.sides import Side
from active_learning.cuts.tails import cumulative

_NEGLIGIBLE = 1e-4  # share of the risk at which a number of wrong answers is left to itself
_RISK_OF_FALSE_YES = 0.05  # share of the recall side's risk for yes answers that are wrong, where any is in doubt
_RISK_OF_SIZE = 0.2  # share of it for not knowing how many yes images the pool has, where that matters
_SMALL = 20  # a pool of at most so many times the sample is small: what is left varies with the draw
_BLOCKS = 16


def precision_chances(above: Side, seen_yes: Integers, rest_yes: Integers, risk: float) -> Floats:
    """Return p-values of "at most ``rest_yes`` of the rest above are yes" [T]; 1 where there is no rest.

    ``seen_yes`` of the validation images above were answered yes. Let F of these answers be wrong: the chance that
    X + F is so large, with X hypergeometric. X counts the yes that the record really has, at most ``seen_yes``, so the
    number of yes among all above is at most ``seen_yes + known_yes + rest_yes``: there the tail is largest.
    """
    seen, left = above.seen[0], above.left[0]
    all_yes = np.minimum(seen_yes + above.known_yes[0] + np.maximum(rest_yes, 0), seen + left)
    chances = np.ones(len(seen))
    # A record no better than what is to be refuted refutes nothing.
    worth = np.flatnonzero((above.rest[0] > 0) & (seen_yes * (seen + left) > all_yes * seen))
    if not len(worth):
        return chances
    wrong = (seen - seen_yes)[worth]
    noise, beyond = weights(above.doubt_yes[0][worth], _NEGLIGIBLE * risk)
    width = int(wrong.max()) + len(noise)
    tails = cumulative(width, (seen + left)[worth], (seen + left - all_yes)[worth], seen[worth])
    reached = np.take_along_axis(tails, wrong[None, :] + np.arange(len(noise))[:, None], axis=0)
    chances[worth] = (noise * reached).sum(axis=0) + beyond
    return np.minimum(chances, 1.0)


class YesInPool:
    """The recall side: how many of a random sample of the pool's yes images may lie below the cut.

    Args:
        validation: the sample.
        size: images of the pool, the sample among them.
        found: yes images known outside the population.
        risk: what this side may spend.
    """

    def __init__(self, validation: Validation, size: int, found: int, risk: float) -> None:
        n, answered_yes = len(validation), validation.positives
        wrong = -np.log(validation.certainty)
        doubt, missed = float(wrong[validation.answers].sum()), float(wrong[~validation.answers].sum())
        share = _RISK_OF_FALSE_YES if doubt > 0.0 else 0.0
        # Yes answers that are wrong swell the sample, so fewer are counted on.
        self.sampled = max(0, answered_yes - int(at_most(doubt, share * risk)))
        self._found = found
        self._risk = risk
        self._tails: dict[tuple[int, float], float] = {}
        self._edges = np.zeros(0, dtype=np.int64)
        # Neither is known from validation answers, so choosing by them costs nothing.
        if size <= _SMALL * n or found:
            half = _RISK_OF_SIZE / 2.0 if missed > 0.0 else _RISK_OF_SIZE
            seen = answered_yes + int(at_most(missed, (_RISK_OF_SIZE - half) * risk))
            most = _most_yes(min(seen, n), n, size, half * risk)
            share += _RISK_OF_SIZE
            # Plausible numbers in blocks: evaluated at a block's worst corner, the largest tail is bounded, not missed.
            self._edges = np.unique(np.geomspace(max(self.sampled, 1), max(most, 1), _BLOCKS + 1).astype(np.int64))
        self.risk_left = risk * (1.0 - share)

    def chance(self, below_yes: int, doubt: float, recall: float) -> float:
        """Bound the chance that a broken ``recall`` leaves at most ``below_yes`` yes answers below the cut.

        ``doubt`` is of the no answers below: yes images among them hide.
        """
        noise, beyond = weights(np.array([doubt]), _NEGLIGIBLE * self._risk)
        tails = [self._tail(below_yes + missed, recall) for missed in range(len(noise))]
        return min(1.0, float(noise[:, 0] @ np.array(tails) + beyond[0]))

    def _tail(self, k: int, recall: float) -> float:
        key = k, recall
        if key not in self._tails:
            self._tails[key] = self._bound(k, recall) if k < self.sampled else 1.0
        return self._tails[key]

    def _bound(self, k: int, recall: float) -> float:
        of_large_pool = float(bdtr(k, self.sampled, 1.0 - recall))
        if not len(self._edges):
            return of_large_pool
        low = np.concatenate([self._edges[:1], self._edges[:-1] + 1])
        below = np.floor((1.0 - recall) * (low + self._found) + 1e-9).astype(np.int64) + 1 + k
        possible = below <= self._edges
        if not possible.any():
            return 0.0
        drawn = np.full(int(possible.sum()), self.sampled)
        tails = cumulative(k + 1, self._edges[possible], below[possible], drawn)[k]
        return min(float(tails.max()), of_large_pool)


def _most_yes(sampled: int, n: int, size: int, risk: float) -> int:
    """Return the most yes among ``size`` images that leave ``sampled`` of ``n`` a chance above ``risk``: exact."""
    low, high = sampled, size - (n - sampled)
    while low < high:
        middle = (low + high + 1) // 2
        if cumulative(sampled + 1, np.array([size]), np.array([middle]), np.array([n]))[sampled, 0] > risk:
            low = middle
        else:
            high = middle - 1
    return low
