"""Submission + gold -> verdict. Paying and using are decided apart, each by an exact test.

*Use* asks for good answers: the balanced accuracy on hidden gold reaches the policy's, and the answers carry
information (Fisher's exact test: somebody whose answers have nothing to do with the images would do as well in at
most 2 % of cases). Balanced accuracy gives half to somebody who always answers the same, whatever the share of yes.

*Pay* is refused only on strong evidence that nobody tried: the chance that a person who is right on each gold image
with probability ``honest_accuracy`` gets so few right is below ``false_refusal``. The bound is exact: nobody whose
accuracy on every gold image is ``honest_accuracy`` or more is refused with a larger probability than ``false_refusal``,
whatever the number of gold images. With three gold images or fewer nobody can be refused at the default numbers.
Somebody whose answers follow the images the wrong way round did look at them: paid, not used.
"""

from collections.abc import Sequence

from scipy.stats import binom, hypergeom

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.verdict import Verdict

GUESSING_LEVEL = 0.02
"""Largest chance with which answers that carry no information pass the test of information."""


def verdict(submission_id: str, given: Sequence[bool], gold: Sequence[bool], policy: Policy) -> Verdict:
    """Judge the answers ``given`` to the hidden gold slots against the known ones, in the same order.

    Raises:
        InputError: the two differ in length.
    """
    if len(given) != len(gold):
        raise InputError(f"{len(given)} answers for {len(gold)} gold images.", "Give one answer for every gold image.")
    n, yes = len(gold), sum(gold)
    correct = sum(a == b for a, b in zip(given, gold, strict=True))
    correct_yes = sum(a and b for a, b in zip(given, gold, strict=True))
    p_effort = float(binom.cdf(correct, n, policy.honest_accuracy)) if n else 1.0
    score = Verdict(
        submission=submission_id,
        pay=True,
        use=False,
        gold=n,
        correct=correct,
        gold_yes=yes,
        correct_yes=correct_yes,
        p_effort=p_effort,
        reason="",
    )
    use = score.balanced_accuracy >= policy.use_accuracy and _informed(score)
    exchanged = _chance_of_fewer(score) <= policy.false_refusal
    pay = p_effort >= policy.false_refusal or exchanged
    decided = score.model_copy(update={"pay": pay, "use": use})
    return decided.model_copy(update={"reason": _reason(decided, exchanged)})


def _informed(score: Verdict) -> bool:
    """Say whether the answers depend on the images.

    Gold of one answer only cannot show it: somebody who always gives that answer is right every time. With so little
    gold of both answers that even a perfect record would not pass the test, a perfect record is enough.
    """
    yes, no = score.gold_yes, score.gold - score.gold_yes
    if yes == 0 or no == 0:
        return False
    # Fisher 1935: given how often yes was said, right yeses are hypergeometric if answers ignore the images.
    chance = float(hypergeom.sf(score.correct_yes - 1, score.gold, yes, _said_yes(score)))
    return chance <= GUESSING_LEVEL or score.correct == score.gold


def _chance_of_fewer(score: Verdict) -> float:
    """Chance of so few right yeses if answers ignore the images: tiny where yes and no are exchanged."""
    return float(hypergeom.cdf(score.correct_yes, score.gold, score.gold_yes, _said_yes(score)))


def _said_yes(score: Verdict) -> int:
    return score.correct_yes + (score.gold - score.gold_yes) - (score.correct - score.correct_yes)


def _reason(score: Verdict, exchanged: bool) -> str:
    """One or two sentences for the annotator, with the counts."""
    if score.gold == 0:
        return "There were no check images in this task, so the answers are paid but could not be checked."
    counts = f"{score.correct} of {score.gold} check images were right"
    if exchanged:
        return f"{counts}: yes and no seem exchanged. {_payment(score)}"
    if score.use:
        return f"{counts}. The answers are used."
    if score.gold_yes in (0, score.gold):
        side = "yes" if score.gold_yes else "no"
        return f"{counts}, and all of them are {side}, which shows little. {_payment(score)}"
    yes = f"{score.correct_yes} of {score.gold_yes} yes"
    no = f"{score.correct - score.correct_yes} of {score.gold - score.gold_yes} no"
    return f"{counts} ({yes}, {no}); guessing gives {score.gold / 2:g}. {_payment(score)}"


def _payment(score: Verdict) -> str:
    if score.pay:
        return "The answers are paid but not used."
    return "Somebody who looks at the images almost never gets so few right, so the answers are not paid."
