"""A round: one turn of the loop, and the phases it goes through."""

from enum import StrEnum

from active_learning.domain.value import Value


class Phase(StrEnum):
    """Select and post happen when the round starts; each later step ends by setting the next phase."""

    COLLECTING = "collecting"  # tasks are with people
    DECIDED = "decided"  # consensus has run over all answers so far
    CUTTING = "cutting"  # a new model exists; its scores await calibration
    DONE = "done"


class RoundView(Value):
    """What planning needs to know of the newest round."""

    number: int
    phase: Phase
    wave: int
    sweep: bool


class CategoryState(StrEnum):
    """Whether the loop may act for a category."""

    OPEN = "open"
    PAUSED = "paused"
    FINISHED = "finished"
    ARCHIVED = "archived"  # put away: out of the list, and nothing new happens
