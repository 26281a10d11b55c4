"""A task: an ordered list of slots made by a round or curated by a researcher."""

from enum import StrEnum

from active_learning.domain.value import Value


class Slot(Value):
    """One image of a task. ``gold`` is the known answer of a hidden gold slot, ``None`` for everything else."""

    image: str
    gold: bool | None = None


class TaskState(StrEnum):
    """A task's life: made, at the market, over. A researcher's tasks are held until he posts them."""

    HELD = "held"
    DRAFTED = "drafted"
    POSTED = "posted"
    CLOSED = "closed"


class TaskDraft(Value):
    """What ``assembly`` makes: slots and how many different people are asked.

    ``presumed`` is ``None`` where images come one at a time; in a grid it is the answer of an image nobody touches.
    """

    slots: tuple[Slot, ...]
    assignments: int
    presumed: bool | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The images whose answer is not known yet."""
        return tuple(slot.image for slot in self.slots if slot.gold is None)


class Task(TaskDraft):
    """A draft with its name and number. The id is deterministic: category, round, wave and number.

    A task set's tasks belong to round 0; their wave is the number of the set. ``held_cents`` is what the
    budget holds for each assignment, the market's fee included, from before the task is posted; 0: nothing yet.
    """

    id: str
    category: str
    round: int
    wave: int
    number: int
    name: str
    reward_cents: int
    state: TaskState = TaskState.DRAFTED
    hit: str | None = None
    held_cents: int = 0
