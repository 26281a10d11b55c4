"""A verdict: what the gold check says of a submission. Paying and using are two separate decisions."""

from active_learning.domain.value import Value


class Verdict(Value):
    """The gold check of one submission. ``p_effort`` is the chance that somebody who tries would score this low."""

    submission: str
    pay: bool
    use: bool
    gold: int
    correct: int
    gold_yes: int
    correct_yes: int
    p_effort: float
    reason: str

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the accuracies on yes gold and on no gold; a side without gold does not count."""
        gold_no, correct_no = self.gold - self.gold_yes, self.correct - self.correct_yes
        sides = [c / n for c, n in ((self.correct_yes, self.gold_yes), (correct_no, gold_no)) if n]
        return sum(sides) / len(sides) if sides else 0.0
