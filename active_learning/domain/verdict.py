"""A verdict: what the gold check says of a submission. Paying and using are two separate decisions."""

from active_learning.domain.value import Value


class Record(Value):
    """Answers to hidden gold: how many, how many right, and the same of yes gold."""

    gold: int = 0
    correct: int = 0
    gold_yes: int = 0
    correct_yes: int = 0

    @property
    def gold_no(self) -> int:
        """Gold whose answer is no."""
        return self.gold - self.gold_yes

    @property
    def correct_no(self) -> int:
        """Right answers to no gold."""
        return self.correct - self.correct_yes

    @property
    def said_yes(self) -> int:
        """How often yes was said."""
        return self.correct_yes + self.gold_no - self.correct_no

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the accuracies on yes gold and on no gold; a side without gold does not count."""
        sides = [c / n for c, n in ((self.correct_yes, self.gold_yes), (self.correct_no, self.gold_no)) if n]
        return sum(sides) / len(sides) if sides else 0.0

    def plus(self, other: "Record") -> "Record":
        """Both together."""
        return Record(
            gold=self.gold + other.gold,
            correct=self.correct + other.correct,
            gold_yes=self.gold_yes + other.gold_yes,
            correct_yes=self.correct_yes + other.correct_yes,
        )


class Verdict(Record):
    """The gold check of one submission. ``p_effort`` is the chance that somebody who tries would score this low.

    The counts are of this submission alone; ``earlier`` is the annotator's record before it where *use* rests on that,
    too.
    """

    submission: str
    pay: bool
    use: bool
    p_effort: float
    reason: str
    earlier: Record | None = None
