"""A candidate: an image as seen by one category, and the only moves its state may make."""

from enum import StrEnum

from active_learning.domain.errors import IllegalMove


class State(StrEnum):
    """Where a candidate stands. ``unknown`` is the state that shrinks."""

    UNKNOWN = "unknown"
    SELECTED = "selected"
    POSTED = "posted"
    LABELED = "labeled"
    AUTO_LABELED = "auto_labeled"


class Role(StrEnum):
    """What a candidate is for. Fixed by design, not by any score: see ``active_learning.splits``."""

    TRAIN = "train"
    VALIDATION = "validation"
    GOLD = "gold"


MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.UNKNOWN, State.SELECTED),  # a round or a researcher chose it
        (State.SELECTED, State.POSTED),  # its task is at the market
        (State.SELECTED, State.UNKNOWN),  # its task was never posted (budget, cancelled)
        (State.POSTED, State.LABELED),  # people decided
        (State.POSTED, State.UNKNOWN),  # people disagreed, or another opinion is wanted, or the HIT expired
        (State.UNKNOWN, State.LABELED),  # an imported or expert label (gold)
        (State.UNKNOWN, State.AUTO_LABELED),  # the model decided, above or below the cuts
        (State.AUTO_LABELED, State.UNKNOWN),  # an audit or a better model takes it back
        (State.LABELED, State.UNKNOWN),  # people's label is likely wrong: other people are asked
    }
)


def check_move(source: State, target: State) -> None:
    """Raise :class:`IllegalMove` unless the table allows ``source -> target``."""
    if (source, target) not in MOVES:
        raise IllegalMove(f"A candidate cannot go from {source} to {target}.")
