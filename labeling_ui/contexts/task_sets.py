"""The pages of task sets: the list, the preview of a file, one set from draft to posted."""

from typing import Any

from labeling_ui.contexts.base import Page, Shown


class SetRow(Shown):
    """A line of the list."""

    number: int
    name: str
    state: str
    by: str
    images: int
    tasks: int


class SetForm(Shown):
    """The form that hands in a list, as it was typed; ``error`` says what does not fit."""

    name: str = ""
    number: str = ""
    ids: str = ""
    error: str = ""


class TaskSetsPage(Page):
    """All task sets of a category, and the form for a new one."""

    template = "task_sets.html"

    slug: str
    question: str
    curator: bool
    following: int
    sets: tuple[SetRow, ...] = ()
    next: str | None = None
    form: SetForm = SetForm()

    @property
    def base(self) -> str:
        """The address of the page, and the beginning of those of its acts."""
        return f"/categories/{self.slug}/task-sets"


class Group(Shown):
    """Lines of a list that make no part of a set, for one reason: (line number, what stands there, more about it)."""

    title: str
    help: str
    lines: tuple[tuple[int, str, str], ...]
    more: int = 0


class TaskSetPreview(Page):
    """What a list would make of a set, before anything is saved. ``ids`` are the images that were matched."""

    template = "task_set_preview.html"

    slug: str
    question: str
    name: str
    number: int
    lines: int
    matched: int
    withdrawn: int
    ids: str
    shown: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    error: str = ""

    @property
    def base(self) -> str:
        """The address of the list of task sets."""
        return f"/categories/{self.slug}/task-sets"


class SetTask(Shown):
    """One task of a set. Prices are in cents, ``cost_cents`` that of all its assignments with the market's fee."""

    id: str
    asked: int
    gold_yes: int
    gold_no: int
    answers: int
    reward_cents: int
    cost_cents: int
    state: str


class SetImage(Shown):
    """One image of a set, and why people cannot be asked about it any more."""

    image: str
    said: str
    why_not: str = ""


class TaskSetPage(Page):
    """One task set: its list, its tasks, what has become of its images (word -> how many)."""

    template = "task_set.html"

    slug: str
    question: str
    curator: bool
    number: int
    name: str
    state: str
    by: str
    total: int
    images: tuple[SetImage, ...] = ()
    next: str | None = None
    slots: int
    hidden_gold: int
    answers: int
    usual: tuple[int, int, int]
    tasks: tuple[SetTask, ...] = ()
    cost_cents: int = 0
    left_cents: int = 0
    outcome: tuple[tuple[str, int], ...] = ()
    waiting: str = ""
    error: str = ""

    @property
    def base(self) -> str:
        """The address of the list of task sets."""
        return f"/categories/{self.slug}/task-sets"

    @property
    def here(self) -> str:
        """The address of this set, and the beginning of those of its acts."""
        return f"{self.base}/{self.number}"

    def client(self) -> dict[str, Any]:
        """Where the page is."""
        return {"page": self.here}
