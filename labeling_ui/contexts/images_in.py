"""The page where a researcher starts, watches and stops the search for images."""

from datetime import datetime
from typing import Any, Literal

from labeling_ui.contexts.base import Page, Shown
from labeling_ui.outcomes import Group

ScrapeState = Literal["open", "asleep", "paused", "done", "failed"]


class FormField(Shown):
    """One field of a form, as it is to be shown now: ``name`` as it is posted, ``value`` as it was typed or is usual.

    A ``switch`` is on or off, a ``choice`` one of ``choices``; a ``number`` is a text that phones type with digits.
    ``error`` says what does not fit.
    """

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "number", "switch", "choice"] = "text"
    value: str = ""
    choices: tuple[str, ...] = ()
    needed: bool = False
    error: str = ""


class SourceChoice(Shown):
    """One kind of source with the fields of its options: those that it needs first, the rest behind a word."""

    name: str
    title: str
    what: str
    fields: tuple[FormField, ...]

    @property
    def first(self) -> tuple[FormField, ...]:
        """What must be filled in."""
        return tuple(field for field in self.fields if field.needed)

    @property
    def more(self) -> tuple[FormField, ...]:
        """What may be left as it is."""
        return tuple(field for field in self.fields if not field.needed)


class StartForm(Shown):
    """The form that starts a search. ``error`` is about no single field."""

    chosen: str
    sources: tuple[SourceChoice, ...]
    limit: FormField
    every_h: FormField
    error: str = ""

    @property
    def wrong(self) -> bool:
        """Whether something does not fit."""
        fields = (field for source in self.sources for field in source.fields)
        return bool(self.error) or any(field.error for field in (self.limit, self.every_h, *fields))


class LicenceGroup(Shown):
    """Licences to choose from, as (short name, title, chosen)."""

    title: str
    licences: tuple[tuple[str, str, bool], ...]


class IntakeForm(Shown):
    """What the category lets in: ``words`` say it as (what, how), the fields change it."""

    words: tuple[tuple[str, str], ...]
    everything: bool
    licences: tuple[LicenceGroup, ...]
    numbers: tuple[FormField, ...]
    form: str
    error: str = ""

    @property
    def wrong(self) -> bool:
        """Whether something does not fit."""
        return bool(self.error) or any(field.error for field in self.numbers)


class FindExample(Shown):
    """One found image that ended in some way. ``image`` is its sha256 where the pool has it."""

    url: str
    title: str = ""
    page: str = ""
    detail: str = ""
    image: str | None = None

    @property
    def link(self) -> str:
        """Where it can be looked at: the page that shows it, or the image; empty for what no browser should open."""
        return next((one for one in (self.page, self.url) if one.startswith(("http://", "https://"))), "")


class Reason(Shown):
    """How many images ended with one outcome; a few of them while somebody looks at it, else ``None``."""

    outcome: str
    words: str
    images: int
    examples: tuple[FindExample, ...] | None = None


class OutcomeGroup(Shown):
    """Outcomes of one kind, the most frequent first."""

    name: Group
    title: str
    images: int
    reasons: tuple[Reason, ...] = ()


class Search(Shown):
    """One search for images: what was asked, how far it is, and what became of what it found.

    ``name`` is its id without the category. ``again`` images ended in a way that another attempt may mend.
    ``nobody`` says that it runs and nobody has reported for a while.
    """

    name: str
    title: str
    source: str
    asked: tuple[tuple[str, str], ...] = ()
    state: ScrapeState
    error: str = ""
    limit: int | None = None
    every_h: float = 0.0
    found: int = 0
    total: int | None = None
    gathered: bool = False
    decided: int = 0
    waiting: int = 0
    images_per_s: float = 0.0
    bytes_per_s: float = 0.0
    bytes: int = 0
    seconds_left: float | None = None
    nobody: bool = False
    groups: tuple[OutcomeGroup, ...] = ()
    again: int = 0
    started_at: datetime
    ended_at: datetime | None = None
    wakes_at: datetime | None = None

    @property
    def most(self) -> int:
        """The number of the most frequent outcome: what bars are drawn against."""
        return max((reason.images for group in self.groups for reason in group.reasons), default=0)


class ImagesInPage(Page):
    """Starting, watching and stopping the search for images of one category with ``total`` images in its pool."""

    template = "images_in.html"

    slug: str
    question: str
    total: int = 0
    start: StartForm
    intake: IntakeForm
    searches: tuple[Search, ...] = ()

    @property
    def base(self) -> str:
        """The address of the page, and the beginning of those of its acts."""
        return f"/categories/{self.slug}/images-in"

    def client(self) -> dict[str, Any]:
        """Where the page is, whatever was posted, and where to listen for news."""
        return {"page": self.base, "events": f"{self.base}/events"}
