"""The lower cut: below it, the model loses at most the promised share of all yes images."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from active_learning.cuts import sequence, stratified
from active_learning.cuts.samples import Floats, Integers, Tally, Validation
from active_learning.cuts.sides import Side
from active_learning.cuts.uniform import YesInPool


class LowerSide(Protocol):
    """The tests of one model's thresholds."""

    def highest(self) -> int | None:
        """Return the position of the highest threshold that holds the target; ``None`` when none does."""
        ...

    def bound(self, position: int) -> float:
        """Return the largest recall, the target or more, that holds at a threshold which holds the target."""
        ...


@dataclass(frozen=True)
class OneSample:
    """One simple random sample. Chances grow with the threshold.

    Attributes:
        below: what lies below each threshold [1, T].
        pool: the yes images of the pool, judged by the sample.
        target: the promised recall.
    """

    below: Side
    pool: YesInPool
    target: float

    def highest(self) -> int | None:
        """See :class:`LowerSide`."""
        low, high = -1, self.below.seen.shape[1] - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._holds(middle, self.target):
                low = middle
            else:
                high = middle - 1
        return None if low < 0 else low

    def bound(self, position: int) -> float:
        """See :class:`LowerSide`."""
        low, high = self.target, 1.0
        for _ in range(14):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self._holds(position, middle) else (low, middle)
        return low

    def _holds(self, position: int, recall: float) -> bool:
        missed = float(self.below.doubt_no[0, position])
        return self.pool.chance(int(self.below.seen_yes[0, position]), missed, recall) <= self.pool.risk_left


@dataclass(frozen=True)
class Strata:
    """A sample from each of several strata: thresholds are tested from the bottom up as long as they pass.

    Attributes:
        order: positions of the thresholds to test, ascending [S].
        below: what lies below each threshold [H, T].
        whole: everything [H, 1].
        target: the promised recall.
        found: yes images known outside the population.
        risk: what this side may spend.
        decay: the pilot's expected share of yes in each stratum [H], where decay is assumed.
    """

    order: Integers
    below: Side
    whole: Side
    target: float
    found: int
    risk: float
    decay: Floats | None

    def highest(self) -> int | None:
        """See :class:`LowerSide`."""
        best = None
        for first in range(0, len(self.order), CHUNK):
            part = self.order[first : first + CHUNK]
            passes = self.chances(part, self.target) <= self.risk
            if not passes.all():
                failing = int(np.argmin(passes))
                return int(part[failing - 1]) if failing else best
            best = int(part[-1])
        return best

    def bound(self, position: int) -> float:
        """See :class:`LowerSide`."""
        low, high = self.target, 1.0
        for _ in range(12):
            middle = (low + high) / 2.0
            holds = self.chances(np.array([position]), middle)[0] <= self.risk
            low, high = (middle, high) if holds else (low, middle)
        return low

    def grown(self, factor: float, risk: float) -> bool:
        """Say whether any threshold would pass at ``risk`` with ``factor`` times the validation images like these."""
        part = self.order[:: max(1, len(self.order) // CHUNK)]
        below, above = self.below.at(part), self.whole.without(self.below.at(part))
        found = stratified.recall_chances(
            below.grown(factor), above.grown(factor), self.target, self.found, risk, self.decay
        )
        return bool(np.any(found <= risk))

    def chances(self, positions: Integers, recall: float) -> Floats:
        """Return p-values of "more than the rest of ``recall`` is lost below" at these positions [S]."""
        below = self.below.at(positions)
        return stratified.recall_chances(below, self.whole.without(below), recall, self.found, self.risk, self.decay)


CHUNK = 16
"""Thresholds tested at once."""


def lower_side(
    validation: Validation,
    tally: Tally,
    below: Side,
    whole: Side,
    target: float,
    risk: float,
    found: int,
    decay: Floats | None,
) -> LowerSide:
    """Set up the tests of all thresholds for this design."""
    if len(tally.rest) == 1:
        return OneSample(below, YesInPool(validation, len(validation) + tally.size, found, risk), target)
    order = sequence.tested(below.seen.sum(axis=0))
    return Strata(order, below, whole, target, found, risk, decay)
