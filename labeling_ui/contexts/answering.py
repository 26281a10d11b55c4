"""The pages where images are answered: an annotator's task, and the expert's gold."""

from datetime import datetime
from typing import Any

from labeling_ui.contexts.base import Page, Shown
from labeling_ui.words import languages


class Keys(Shown):
    """Keys by what they do, as ``KeyboardEvent.key`` names them."""

    yes: tuple[str, ...] = ("j", "ArrowRight", "1")
    no: tuple[str, ...] = ("f", "ArrowLeft", "0")
    back: tuple[str, ...] = ("Backspace", "ArrowUp")
    forward: tuple[str, ...] = ("ArrowDown",)
    zoom: tuple[str, ...] = ("z", "+")
    skip: tuple[str, ...] = ("s",)


class Endpoints(Shown):
    """The assignment API. ``{position}`` stands for the place in this annotator's own order.

    ``images`` gives several at once (``?start=0&count=12&size=640``), ``full`` one at full resolution.
    """

    images: str = "/assignment/images"
    full: str = "/assignment/images/{position}/full"
    answers: str = "/assignment/answers"
    assignment: str = "/assignment"
    submission: str = "/assignment/submission"


class Lesson(Shown):
    """Visible gold: what the page says of an image once it is answered. ``why`` may be empty."""

    answer: bool
    why: str = ""


class Work(Shown):
    """What the page needs to work on one assignment.

    ``now`` is the server's clock: an annotator's may be wrong. ``key`` names the assignment in this browser's own
    storage. The first ``len(lessons)`` of the ``of`` images teach; nothing tells which of the others are gold.
    ``presumed`` is ``None`` where images come one at a time; in a grid it is what an image gets that nobody touches.
    ``sizes`` are the longest sides, in pixels, that images can be had in.
    """

    token: str
    key: str
    of: int
    lessons: tuple[Lesson, ...] = ()
    presumed: bool | None = None
    sizes: tuple[int, ...]
    deadline: datetime
    now: datetime
    endpoints: Endpoints = Endpoints()
    keys: Keys = Keys()


class Sample(Shown):
    """An example that annotators see before the work. ``address`` is where its picture is, not its id."""

    address: str
    answer: bool
    why: str = ""


class TaskPage(Page):
    """One assignment, or its preview when ``work`` is ``None``.

    ``slots`` images in at most ``minutes``; ``seconds`` is how long it usually takes. ``teaching`` of the images tell
    at once whether the answer was right. ``grid`` says that many images are shown at a time. Question, instructions
    and examples are as the researcher wrote them, whatever the ``language`` of the page's own words.
    """

    template = "task.html"

    question: str
    instructions: str = ""
    examples: tuple[Sample, ...] = ()
    reward_cents: int
    slots: int
    minutes: int
    seconds: float = 0.0
    teaching: int = 0
    grid: bool = False
    work: Work | None = None

    @property
    def languages(self) -> dict[str, str]:
        """What else the page can speak: each language with its name in that language."""
        return dict(languages())

    @property
    def preview(self) -> bool:
        """Whether the annotator is only looking and has not accepted."""
        return self.work is None

    def client(self) -> dict[str, Any]:
        """The work, its pay and the scripts' words; empty in a preview."""
        if self.work is None:
            return {}
        own = {"reward_cents": self.reward_cents, "words": self.words.script(), "language": self.language}
        return self.work.model_dump(mode="json") | own


class ExpertPage(Page):
    """The researcher answers images himself; they become gold. ``images`` are sha256, at most a few hundred."""

    template = "expert.html"

    slug: str
    question: str
    instructions: str = ""
    images: tuple[str, ...] = ()
    gold_yes: int = 0
    gold_no: int = 0
    wanted_yes: int
    wanted_no: int
    keys: Keys = Keys()

    def client(self) -> dict[str, Any]:
        """The images, where their answers go, and how many are wanted."""
        return {
            "images": [f"/images/{sha256}?size=1280" for sha256 in self.images],
            "ids": self.images,
            "gold": f"/categories/{self.slug}/gold",
            "gold_yes": self.gold_yes,
            "gold_no": self.gold_no,
            "wanted_yes": self.wanted_yes,
            "wanted_no": self.wanted_no,
            "keys": self.keys.model_dump(),
            "words": self.words.script(),
            "language": self.language,
        }
