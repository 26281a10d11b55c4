"""The lower cut: below it, the model loses at most the promised share of all yes images."""

from dataclasses import dataclass

from active_learning.cuts.samples import Floats, Tally, Validation
from active_learning.cuts.sides import Side
from active_learning.cuts.uniform import YesInPool


@dataclass(frozen=True)
class LowerSide:
    """The tests of one model's thresholds for one target. Chances grow with the threshold.

    Attributes:
        thresholds: ascending [T].
        below: what lies below each [H, T].
        pool: the yes images of the pool, judged by the sample.
        target: the promised recall.
    """

    thresholds: Floats
    below: Side
    pool: YesInPool
    target: float

    @classmethod
    def of(
        cls, validation: Validation, tally: Tally, below: Side, target: float, risk: float, found: int
    ) -> "LowerSide":
        """Set up the tests of all thresholds."""
        pool = YesInPool(validation, len(validation) + tally.size, found, risk)
        return cls(tally.thresholds, below, pool, target)

    def chance(self, position: int, target: float) -> float:
        """Return the p-value of "more than the target is lost below this threshold"."""
        return self.pool.chance(int(self.below.seen_yes[0, position]), float(self.below.doubt[0, position]), target)

    def highest(self) -> int | None:
        """Return the position of the highest threshold that holds the target; ``None`` when none does."""
        low, high = -1, len(self.thresholds) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.chance(middle, self.target) <= self.pool.risk_left:
                low = middle
            else:
                high = middle - 1
        return None if low < 0 else low

    def bound(self, position: int) -> float:
        """Return the largest recall, the target or more, that holds at a threshold which holds the target."""
        low, high = self.target, 1.0
        for _ in range(14):
            middle = (low + high) / 2.0
            if self.chance(position, middle) <= self.pool.risk_left:
                low = middle
            else:
                high = middle
        return low
