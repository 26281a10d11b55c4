"""The upper cut: above it, the promised share of what the model labels is yes."""

from dataclasses import dataclass, replace

import numpy as np

from active_learning.cuts import sequence, stratified, uniform
from active_learning.cuts.samples import Booleans, Floats, Integers, Validation
from active_learning.cuts.sides import Side


@dataclass(frozen=True)
class UpperSide:
    """The tests of one model's thresholds for one target.

    Attributes:
        thresholds: in the order of testing, descending [S].
        above: what lies above each [H, S].
        target: the promised share.
        risk: what this side may spend.
        expected_yes: how many yes images the model's scores promise among the validation images.
    """

    thresholds: Floats
    above: Side
    target: float
    risk: float
    expected_yes: float

    @classmethod
    def of(cls, validation: Validation, above: Side, target: float, risk: float) -> "UpperSide":
        """Choose the thresholds to test from all T ascending ones and what lies above each [H, T]."""
        thresholds = validation.thresholds
        descending = np.arange(len(thresholds), dtype=np.int64)[::-1]
        order = descending[sequence.tested(above.seen.sum(axis=0)[descending])]
        expected = float(validation.scores.clip(0.0, 1.0).sum())
        return cls(thresholds[order], above.at(order), target, risk, expected)

    def passed(self) -> Booleans:
        """Return which of the thresholds hold the target [S]."""
        if not len(self.thresholds):
            return np.zeros(0, dtype=bool)
        # People's doubts belong to their answers, which have no say in where to start.
        certain = replace(self, above=self.above.certain())
        first = sequence.start(
            certain.chances(self.above.seen), self.above.seen.sum(axis=0), self.expected_yes, self.risk
        )
        return sequence.passed(self.chances(self.above.seen_yes), first, self.risk)

    def chances(self, seen_yes: Integers) -> Floats:
        """Return p-values of "fewer than the target of the rest above are yes" [S] for such records [H, S]."""
        broken = np.ceil(self.target * self.above.rest.sum(axis=0) - 1e-9).astype(np.int64) - 1
        return _chances(self.above, seen_yes, broken, self.risk)

    def grown(self, factor: float, risk: float) -> bool:
        """Say whether any threshold would pass at ``risk`` with ``factor`` times the validation images like these."""
        more = replace(self, above=self.above.grown(factor), risk=risk)
        return bool(np.any(more.chances(more.above.seen_yes) <= risk))

    def bound(self, position: int) -> float:
        """Return the smallest share of yes among the rest above a threshold that its record does not rule out."""
        at = self.above.at(np.array([position]))
        low, high = 0, int(at.rest.sum())
        while low < high:
            middle = (low + high) // 2
            if _chances(at, at.seen_yes, np.array([middle]), self.risk)[0] > self.risk:
                high = middle
            else:
                low = middle + 1
        return low / int(at.rest.sum())


def _chances(above: Side, seen_yes: Integers, rest_yes: Integers, risk: float) -> Floats:
    if len(seen_yes) == 1:
        return uniform.precision_chances(above, seen_yes[0], rest_yes, risk)
    return stratified.precision_chances(above, seen_yes, rest_yes, risk)
