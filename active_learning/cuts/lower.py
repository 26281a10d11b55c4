"""The lower cut: below it, the model loses at most the promised share of all yes images."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import floor
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
        for _ in range(10):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self._holds(position, middle) else (low, middle)
        return low

    def _holds(self, position: int, recall: float) -> bool:
        missed = float(self.below.doubt_no[0, position])
        return self.pool.chance(int(self.below.seen_yes[0, position]), missed, recall) <= self.pool.risk_left


@dataclass(frozen=True)
class Strata:
    """A sample from each of several strata: thresholds are tested from the bottom up as long as they pass.

    A part of the risk bounds the yes images of the pool from below; the rest of it bounds what is lost from above. The
    promise is broken at every threshold above the lowest at which it is broken, so one test of that one is all that is
    spent.

    Attributes:
        order: positions of the thresholds to test, ascending [S].
        below: what lies below each threshold [H, T].
        whole: everything [H, 1].
        target: the promised recall.
        found: yes images known outside the population.
        risk: what this side may spend.
        decay: the floor of scores, where decay is assumed.
    """

    order: Integers
    below: Side
    whole: Side
    target: float
    found: int
    risk: float
    decay: float | None

    def highest(self) -> int | None:
        """See :class:`LowerSide`."""
        lost = self._breaking(self._least_yes, self.target)
        order = self.order[self._start() :]
        best = None
        for first in range(0, len(order), CHUNK):
            part = order[first : first + CHUNK]
            passes = self._chances(self.below.at(part), lost) <= self._risk_left
            if not passes.all():
                failing = int(np.argmin(passes))
                return int(part[failing - 1]) if failing else best
            best = int(part[-1])
        return best

    def _start(self) -> int:
        """Return where the sequence starts: past all thresholds where not even a record without a yes would pass.

        Rates differ, so these need not be the lowest ones. What is below the start is broken only if the start is. The
        number of yes images is the one that the scores promise: answers have no say in where to start.
        """
        lost = self._breaking(float(self.whole.promised.sum()), self.target)
        below = self.below.at(self.order).certain()
        none = replace(below, seen_yes=np.zeros_like(below.seen_yes))
        able = self._chances(none, lost) <= self._risk_left
        return 0 if able.all() or not able[-1] else len(able) - int(np.argmin(able[::-1]))

    def bound(self, position: int) -> float:
        """See :class:`LowerSide`."""
        below = self.below.at(np.array([position]))
        low, high = self.target, 1.0
        for _ in range(10):
            middle = (low + high) / 2.0
            holds = self._chances(below, self._breaking(self._least_yes, middle))[0] <= self._risk_left
            low, high = (middle, high) if holds else (low, middle)
        return low

    def grown(self, factor: float, risk: float) -> bool:
        """Say whether any threshold would pass at ``risk`` with ``factor`` times the validation images like these."""
        part = self.order[:: max(1, len(self.order) // CHUNK)]
        least = stratified.least_yes(self.whole.grown(factor), risk * RISK_OF_SIZE)
        chances = self._chances(self.below.at(part).grown(factor), self._breaking(least, self.target))
        return bool(np.any(chances <= risk * (1.0 - RISK_OF_SIZE)))

    @cached_property
    def _least_yes(self) -> float:
        return stratified.least_yes(self.whole, self.risk * RISK_OF_SIZE)

    @property
    def _risk_left(self) -> float:
        return self.risk * (1.0 - RISK_OF_SIZE)

    def _breaking(self, yes: float, recall: float) -> float:
        return floor((1.0 - recall) * (yes + self.found) + 1e-9) + 1.0

    def _chances(self, below: Side, lost: float) -> Floats:
        return stratified.recall_chances(below, lost, self.decay)


RISK_OF_SIZE = 0.2
"""Share of the recall side's risk for not knowing how many yes images the pool has."""

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
    decay: float | None,
) -> LowerSide:
    """Set up the tests of all thresholds for this design."""
    if len(tally.rest) == 1:
        return OneSample(below, YesInPool(validation, len(validation) + tally.size, found, risk), target)
    order = sequence.tested(below.seen.sum(axis=0))
    return Strata(order, below, whole, target, found, risk, decay)
