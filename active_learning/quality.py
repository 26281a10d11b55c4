"""Submission + gold -> verdict. Paying and using are decided apart, each by an exact test.

*Use* asks for good answers: the balanced accuracy on hidden gold reaches the policy's, and the answers carry
information (Fisher's exact test: somebody whose answers have nothing to do with the images would do as well in at
most 2 % of cases). Balanced accuracy gives half to somebody who always answers the same, whatever the share of yes.

Somebody who has seen most of the gold meets little of it in a later task, too little for that test. Then the earlier
record counts as well: both tests look at all gold so far, and the little gold of this submission must not speak
against it (somebody who is right as often as *use* asks would do so badly in at most 5 % of cases).

*Pay* is refused only on strong evidence that nobody tried: the chance that a person who is right on each gold image
with probability ``honest_accuracy`` gets so few right is below ``false_refusal``. The bound is exact: nobody whose
accuracy on every gold image is ``honest_accuracy`` or more is refused with a larger probability than ``false_refusal``,
whatever the number of gold images. With three gold images or fewer nobody can be refused at the default numbers.
It looks at this submission alone: what somebody did before neither pays for a task nor refuses it.
Somebody whose answers follow the images the wrong way round did look at them: paid, not used.
"""

from collections.abc import Sequence

from scipy.stats import binom, hypergeom

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.verdict import Record, Verdict

GUESSING_LEVEL = 0.02
"""Largest chance with which answers that carry no information pass the test of information."""

CLOSE = 1e-12
"""Chances that equal a level may come out this much above it: 1 in 10 is not above 0.1. Sums are off by less."""

SLACKING_LEVEL = 0.05
"""Chance of doing so badly below which little gold speaks against a good earlier record."""


def verdict(
    submission_id: str, given: Sequence[bool], gold: Sequence[bool], policy: Policy, earlier: Record | None = None
) -> Verdict:
    """Judge the answers ``given`` to the hidden gold slots against the known ones, in the same order.

    ``earlier`` is the annotator's record before this submission, where this one has too little gold to be judged for
    use alone.

    Raises:
        InputError: the two differ in length.
    """
    if len(given) != len(gold):
        raise InputError(f"{len(given)} answers for {len(gold)} gold images.", "Give one answer for every gold image.")
    now = Record(
        gold=len(gold),
        correct=sum(a == b for a, b in zip(given, gold, strict=True)),
        gold_yes=sum(gold),
        correct_yes=sum(a and b for a, b in zip(given, gold, strict=True)),
    )
    if earlier is not None and earlier.gold == 0:
        earlier = None
    p_effort = _chance_of_fewer(now, policy.honest_accuracy)
    exchanged = _exchanged(now, policy)
    decided = Verdict(
        submission=submission_id,
        pay=p_effort >= policy.false_refusal or exchanged,
        use=_usable(now, policy) if earlier is None else _usable_after(now, earlier, policy),
        **now.model_dump(),
        p_effort=p_effort,
        reason="",
        earlier=earlier,
    )
    return decided.model_copy(update={"reason": _reason(decided, exchanged)})


def _usable(score: Record, policy: Policy) -> bool:
    return score.balanced_accuracy >= policy.use_accuracy and _informed(score)


def _usable_after(now: Record, earlier: Record, policy: Policy) -> bool:
    return _usable(now.plus(earlier), policy) and _chance_of_fewer(now, policy.use_accuracy) >= SLACKING_LEVEL


def _chance_of_fewer(score: Record, accuracy: float) -> float:
    """Chance of at most so many right answers for somebody who is right this often; 1 without gold."""
    return float(binom.cdf(score.correct, score.gold, accuracy)) if score.gold else 1.0


def _informed(score: Record) -> bool:
    """Say whether the answers depend on the images.

    Gold of one answer only cannot show it: somebody who always gives that answer is right every time. With so little
    gold of both answers that even a perfect record would not pass the test, a perfect record is enough.
    """
    if score.gold_yes == 0 or score.gold_no == 0:
        return False
    # Fisher 1935: given how often yes was said, right yeses are hypergeometric if answers ignore the images.
    chance = float(hypergeom.sf(score.correct_yes - 1, score.gold, score.gold_yes, score.said_yes))
    return chance <= GUESSING_LEVEL + CLOSE or score.correct == score.gold


def _exchanged(score: Record, policy: Policy) -> bool:
    """Say whether yes and no are exchanged: so few right yeses hardly come about if answers ignore the images."""
    chance = float(hypergeom.cdf(score.correct_yes, score.gold, score.gold_yes, score.said_yes))
    return chance <= policy.false_refusal + CLOSE


def _reason(score: Verdict, exchanged: bool) -> str:
    """One or two sentences for the annotator, with the counts."""
    if score.gold == 0 and score.earlier is None:
        return "There were no check images in this task, so the answers are paid but could not be checked."
    counts = f"{score.correct} of {score.gold} check images were right"
    if score.earlier is not None:
        whole = score.plus(score.earlier)
        counts += f" ({whole.correct} of {whole.gold} with your earlier tasks)"
    if exchanged:
        return f"{counts}: yes and no seem exchanged. {_payment(score)}"
    if score.use:
        return f"{counts}. The answers are used."
    if score.earlier is not None:
        return f"{counts}. {_payment(score)}"
    if score.gold_yes in (0, score.gold):
        side = "yes" if score.gold_yes else "no"
        return f"{counts}, and all of them are {side}, which shows little. {_payment(score)}"
    yes = f"{score.correct_yes} of {score.gold_yes} yes"
    no = f"{score.correct_no} of {score.gold_no} no"
    return f"{counts} ({yes}, {no}); guessing gives {score.gold / 2:g}. {_payment(score)}"


def _payment(score: Verdict) -> str:
    if score.pay:
        return "The answers are paid but not used."
    return "Somebody who looks at the images almost never gets so few right, so the answers are not paid."
