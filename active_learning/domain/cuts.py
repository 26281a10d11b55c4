"""Cuts and the calibration that earned them."""

from pydantic import Field

from active_learning.domain.value import Value


class Cuts(Value):
    """Two score thresholds. Score > ``upper`` is yes, score < ``lower`` is no, between stays unknown.

    ``None`` means that the side could not hold its target: nothing is auto-labeled there. When both are set,
    ``lower <= upper`` always holds.
    """

    lower: float | None = None
    upper: float | None = None

    def decide(self, score: float) -> bool | None:
        """True, False, or ``None`` for unknown."""
        if self.upper is not None and score > self.upper:
            return True
        if self.lower is not None and score < self.lower:
            return False
        return None


class Calibration(Value):
    """What the validation images say of a model's scores, and at what price in error budget.

    ``precision_bound`` and ``recall_bound`` are lower confidence bounds at the chosen cuts (``None`` where the side has
    no cut); ``risk`` is the share of the error budget that this look spent on each side; ``needed`` says how many more
    validation images would let a failing side pass if the next ones look like the present ones.
    """

    cuts: Cuts
    n: int = Field(ge=0)
    positives: int = Field(ge=0)
    precision_bound: float | None
    recall_bound: float | None
    confidence: float
    look: int = Field(ge=1)
    risk: float
    needed: int = 0
