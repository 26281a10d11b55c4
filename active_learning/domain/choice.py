"""What a curator may do with a candidate by hand, and why not: one answer for the pool, task sets and gold."""

from enum import StrEnum

from active_learning.domain.candidate import Role, State
from active_learning.domain.value import Value


class HandAct(StrEnum):
    """What a curator does with images that he has chosen himself."""

    ASK = "ask"  # people are asked: a task set
    GOLD = "gold"  # the curator's own answer checks people from now on


class Standing(Value):
    """What of a candidate decides what may be done with it."""

    state: State
    role: Role
    gold: bool | None = None
    votes_wanted: bool = False
    disputed: bool = False
    excluded: bool = False


class Hindrance(StrEnum):
    """Why a candidate may not be chosen."""

    VALIDATION = "validation"
    GOLD = "gold"
    EXCLUDED = "excluded"
    WITH_PEOPLE = "with_people"
    PEOPLE_DECIDED = "people_decided"
    DISPUTED = "disputed"
    MODEL_DECIDED = "model_decided"
    BEGUN = "begun"


SAID: dict[Hindrance, str] = {
    Hindrance.VALIDATION: "kept for validation: it measures the model, so nobody chooses it",
    Hindrance.GOLD: "gold: its answer is known",
    Hindrance.EXCLUDED: "excluded by hand: bring it back first",
    Hindrance.WITH_PEOPLE: "with people now",
    Hindrance.PEOPLE_DECIDED: "decided by people",
    Hindrance.DISPUTED: "disputed: people could not agree on it",
    Hindrance.MODEL_DECIDED: "decided by the model: ask people in a task set instead",
    Hindrance.BEGUN: "people have begun to answer it",
}
"""The same in words."""


def hindrance(standing: Standing, act: HandAct) -> Hindrance | None:
    """Say what stands in the way of ``act``; ``None`` where it may be done.

    Validation images are nobody's choice: they stand for the whole pool. People can be asked about what the model has
    decided, as rounds do; the model's label is withdrawn then.
    """
    if standing.role is Role.VALIDATION:
        return Hindrance.VALIDATION
    if standing.role is Role.GOLD or standing.gold is not None:
        return Hindrance.GOLD
    if standing.excluded:
        return Hindrance.EXCLUDED
    if standing.state in (State.SELECTED, State.POSTED):
        return Hindrance.WITH_PEOPLE
    if standing.state is State.LABELED:
        return Hindrance.PEOPLE_DECIDED
    if standing.disputed:
        return Hindrance.DISPUTED
    if act is HandAct.GOLD and standing.state is State.AUTO_LABELED:
        return Hindrance.MODEL_DECIDED
    if act is HandAct.GOLD and standing.votes_wanted:
        return Hindrance.BEGUN
    return None
