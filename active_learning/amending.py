"""What of a policy may change while a campaign runs, and what is settled, with the reason."""

from collections.abc import Mapping

from active_learning.domain.policy import Policy
from active_learning.domain.value import Value

DRAWN = frozenset({"validation", "validation_design"})
LOOKED = frozenset({"precision", "recall", "confidence", "first_look"})
EMBEDDED = frozenset({"backbone"})


class Progress(Value):
    """How far a campaign is, as far as it settles numbers.

    ``looks`` have used the validation answers, ``embedded`` says that images have features, and ``bound_cents`` are
    paid or promised.
    """

    drawn: bool = False
    looks: int = 0
    embedded: bool = False
    bound_cents: int = 0


def settled(progress: Progress) -> Mapping[str, str]:
    """The fields that cannot change any more: name -> why, as a sentence.

    The promise is tested on validation images that are drawn once. Another number of them, or another design, would
    be another sample; targets that are chosen after a look at the answers would be chosen by the answers, and the
    confidence would not be what it says.
    """
    reasons: dict[str, str] = {}
    if progress.drawn:
        reasons |= dict.fromkeys(DRAWN, "The validation images are drawn, and what calibrates is drawn once.")
    if progress.looks:
        why = (
            "The validation answers have been looked at. A promise that is chosen after that would be chosen by them; "
            "clone the category to promise something else."
        )
        reasons |= dict.fromkeys(LOOKED, why)
    if progress.embedded:
        reasons |= dict.fromkeys(EMBEDDED, "Images have features of this backbone already; clone the category.")
    return reasons


def changes(before: Policy, after: Policy) -> tuple[str, ...]:
    """The fields that differ, in the order of the policy; the version is none."""
    return tuple(
        name for name in Policy.model_fields if name != "version" and getattr(before, name) != getattr(after, name)
    )


def refused(before: Policy, after: Policy, progress: Progress) -> Mapping[str, str]:
    """The changes that cannot be made: name of the field -> why. Empty: the new policy may come into force."""
    reasons = settled(progress)
    wrong = {name: reasons[name] for name in changes(before, after) if name in reasons}
    if after.budget_cents < progress.bound_cents and after.budget_cents < before.budget_cents:
        bound = f"${progress.bound_cents / 100:,.2f}"
        wrong["budget_cents"] = f"{bound} are paid or promised already. Pause the category to spend no more."
    return wrong
