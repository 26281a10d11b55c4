"""The whole story of one image in one category: where it comes from, who said what, what was decided, and why."""

from datetime import datetime
from typing import Any, Literal

from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from active_learning.reliability import REACH
from labeling_ui.charts_model import odds
from labeling_ui.contexts.base import Page, Shown
from labeling_ui.contexts.mistakes import KINDS, MistakeKind


class Place(Shown):
    """One of the places where the image was found. ``link`` can be opened in a browser; empty where there is none."""

    found_by: str = ""
    title: str = ""
    author: str = ""
    licence: str = ""
    licence_url: str = ""
    link: str = ""
    url: str = ""
    attribution: str = ""
    fetched_at: datetime | None = None


class Joined(Shown):
    """The image came into the pool."""

    kind: Literal["joined"] = "joined"
    at: datetime


class Answered(Shown):
    """Somebody answered.

    ``who`` is the worker's id for those who may see it, else a number within this story; ``links`` lead to the worker
    and the submission, for the same. ``gold`` is the known answer where the image was a check. ``used`` and ``paid``
    are ``None`` as long as nobody has judged the submission.
    """

    kind: Literal["answer"] = "answer"
    at: datetime
    value: bool
    who: str
    worker: str = ""
    submission: str = ""
    task: str
    task_name: str = ""
    round: int | None = None
    seconds: float
    hidden_seconds: float = 0.0
    changes: int = 0
    device: str = "unknown"
    gold: bool | None = None
    used: bool | None = None
    paid: bool | None = None
    reason: str = ""


class Decision(Shown):
    """A label, or one taken back (``value`` is ``None``), with what led to it as (what, how)."""

    kind: Literal["label"] = "label"
    at: datetime
    value: bool | None
    source: Source
    round: int
    because: tuple[tuple[str, str], ...] = ()
    in_force: bool = False


class Opinion(Shown):
    """What the newest model says. ``lower`` and ``upper`` are its cuts where it has some.

    ``learned``: the model has seen people's answer, so its score says little.
    """

    model: str
    round: int
    score: float
    lower: float | None = None
    upper: float | None = None
    says: bool | None = None
    learned: bool = False

    def at(self, score: float) -> float:
        """Where a score stands on the scale of the category page, in percent of its width."""
        return 100.0 * (min(max(odds(score), -REACH), REACH) + REACH) / (2.0 * REACH)


class Story(Shown):
    """Everything that is known of an image in a category; events from the first to the last.

    ``measures``: it is a validation image of a campaign that runs, so the model's opinion of it is not told.
    """

    slug: str
    image: str
    state: State
    role: Role
    answer: bool | None = None
    source: Source | None = None
    gold: bool | None = None
    disputed: bool = False
    wants_answers: bool = False
    excluded_by: str = ""
    excluded_at: datetime | None = None
    taken_down: bool = False
    measures: bool = False
    certainty: float | None = None
    chosen_by: str = ""
    task: str = ""
    width: int = 0
    height: int = 0
    format: str = ""
    bytes: int = 0
    places: tuple[Place, ...] = ()
    opinion: Opinion | None = None
    events: tuple[Joined | Answered | Decision, ...] = ()
    more_answers: bool = False


class Beside(Shown):
    """The images before and after it, in the list ``kind`` or in the order of the pool."""

    kind: MistakeKind | None = None
    before: str | None = None
    after: str | None = None


class StoryPage(Page):
    """The page of one image."""

    template = "story.html"

    question: str
    story: Story
    beside: Beside = Beside()

    @property
    def base(self) -> str:
        """The address of this page without its query."""
        return self.address(self.story.image)

    @property
    def list_title(self) -> str:
        """The name of the list that it was opened from; empty for the pool."""
        return KINDS[self.beside.kind].title if self.beside.kind else ""

    @property
    def before(self) -> str:
        """Where the image before it is; empty at the start."""
        return self.address(self.beside.before) + self._query if self.beside.before else ""

    @property
    def after(self) -> str:
        """Where the image after it is; empty at the end."""
        return self.address(self.beside.after) + self._query if self.beside.after else ""

    @property
    def _query(self) -> str:
        return f"?kind={self.beside.kind}" if self.beside.kind else ""

    def address(self, image: str) -> str:
        """Where an image's story is."""
        return f"/categories/{self.story.slug}/images/{image}"

    def client(self) -> dict[str, Any]:
        """Where the keys lead."""
        return {"before": self.before, "after": self.after}
