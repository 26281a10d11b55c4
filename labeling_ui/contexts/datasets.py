"""The pages where a researcher makes dataset versions, takes them home, and brings labels that exist."""

from datetime import datetime
from typing import Any, Literal

from labeling_ui.contexts.base import Page, Shown
from labeling_ui.contexts.images_in import FormField, LicenceGroup


class Part(Shown):
    """One part of a version: its images of each answer."""

    name: str
    yes: int
    no: int


class DownloadLink(Shown):
    """A version in one format: how large it is, and a line of Python that reads it."""

    name: str
    title: str
    what: str
    file: str
    size: int
    address: str
    use: str = ""


class DatasetCard(Shown):
    """One version. ``making`` says what is being done for it, as (what, done, total); ``error`` why that failed."""

    number: int
    name: str = ""
    ready: bool
    making: tuple[str, int, int] | None = None
    error: str = ""
    by: str
    made_at: datetime
    as_of: datetime | None = None
    images: int = 0
    size: int = 0
    parts: tuple[Part, ...] = ()
    takes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    taken_down: int = 0
    downloads: tuple[DownloadLink, ...] = ()

    @property
    def yes(self) -> int:
        """Images whose answer is yes."""
        return sum(part.yes for part in self.parts)


class RecipeForm(Shown):
    """The form that makes a version: ``sources`` as (name, title, chosen). ``error`` is about no single field."""

    name: FormField
    sources: tuple[tuple[str, str, bool], ...]
    certainty: FormField
    everything: bool
    licences: tuple[LicenceGroup, ...]
    shares: tuple[FormField, ...]
    seed: FormField
    error: str = ""

    @property
    def wrong(self) -> bool:
        """Whether something does not fit."""
        return bool(self.error) or any(field.error for field in (self.name, self.certainty, *self.shares, self.seed))


class BroughtFile(Shown):
    """A label file that was brought before. ``saved`` labels of ``fresh`` are in; ``as_`` is empty while nobody has
    decided."""

    id: str
    file: str
    by: str
    at: datetime
    fresh: int
    as_: str = ""
    saved: int = 0
    done: bool = False


class LabelsForm(Shown):
    """The form that brings a label file: ``formats`` as (name, title)."""

    formats: tuple[tuple[str, str], ...]
    chosen: str = "auto"
    yes: str = ""
    no: str = ""
    rest: bool = False
    error: str = ""


class DatasetsPage(Page):
    """Versions of a category's dataset, newest first; ``older`` is the number that the next page begins below.

    ``decided`` images of ``total`` have an answer now, ``since`` of them after the newest version.
    """

    template = "datasets.html"

    slug: str
    question: str
    total: int = 0
    decided: int = 0
    may_make: bool = False
    recipe: RecipeForm
    labels: LabelsForm
    versions: tuple[DatasetCard, ...] = ()
    older: int | None = None
    files: tuple[BroughtFile, ...] = ()

    @property
    def base(self) -> str:
        """The address of the page, and the beginning of those of its acts."""
        return f"/categories/{self.slug}/datasets"

    def client(self) -> dict[str, Any]:
        """Where the page is, and where to listen for news."""
        return {"page": self.base, "events": f"{self.base}/events"}


class SheetBlock(Shown):
    """A heading or paragraph (``lines`` has one), a list, a quote, or a table: ``rows``, the first of them its head."""

    kind: Literal["heading", "text", "list", "quote", "table"]
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class DatasetPage(Page):
    """One version: what is in it, its datasheet and the checksums of its tables, as (file, sha256)."""

    template = "dataset.html"

    slug: str
    question: str
    version: DatasetCard
    sources: tuple[tuple[str, int, int], ...] = ()
    licences: tuple[tuple[str, int], ...] = ()
    datasheet: tuple[SheetBlock, ...] = ()
    checksums: tuple[tuple[str, str], ...] = ()
    web: str = ""

    @property
    def base(self) -> str:
        """The address of the page of all versions."""
        return f"/categories/{self.slug}/datasets"

    def client(self) -> dict[str, Any]:
        """Where the page is, and where to listen for news."""
        return {"page": f"{self.base}/{self.version.number}", "events": f"{self.base}/events"}


class ReportLine(Shown):
    """One thing that a label file and the pool do not agree on: how many images, what becomes of them, some of them."""

    title: str
    images: int
    what: str
    examples: tuple[str, ...] = ()


class LabelFilePage(Page):
    """What a label file says of the pool, before it is saved; afterwards what has become of it.

    ``fresh_yes`` and ``fresh_no`` labels can be saved. ``working`` is (done, total) while a job saves them.
    """

    template = "label_file.html"

    slug: str
    question: str
    id: str
    file: str
    format: str
    by: str
    at: datetime
    images: int
    fresh_yes: int
    fresh_no: int
    same: int
    lines: tuple[ReportLine, ...] = ()
    as_: str = ""
    saved: int = 0
    done: bool = False
    working: tuple[int, int] | None = None
    error: str = ""
    may_save: bool = False

    @property
    def base(self) -> str:
        """The address of the page of all versions."""
        return f"/categories/{self.slug}/datasets"

    @property
    def fresh(self) -> int:
        """Labels that can be saved."""
        return self.fresh_yes + self.fresh_no

    def client(self) -> dict[str, Any]:
        """Where the page is, and where to listen for news."""
        return {"page": f"{self.base}/labels/{self.id}", "events": f"{self.base}/events"}
