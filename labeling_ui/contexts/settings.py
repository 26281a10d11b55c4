"""The list of categories, a new one, and the settings of one: texts, policy with its forecast, versions."""

from datetime import datetime
from typing import Any, Literal

from labeling_ui.contexts.base import Page, Shown

State = Literal["open", "paused", "finished", "archived"]


class CategoryCard(Shown):
    """One category in the list. ``decided`` and ``unknown`` are images out of ``total``; ``phase`` is in words."""

    slug: str
    question: str
    state: State
    unknown: int
    decided: int
    total: int
    spent_cents: int
    budget_cents: int = 0
    phase: str = ""


class IndexPage(Page):
    """The list of categories; those that are put away apart."""

    template = "index.html"

    categories: tuple[CategoryCard, ...] = ()
    archived: tuple[CategoryCard, ...] = ()


class Entry(Shown):
    """One field of a form: ``value`` as it was typed or is in force, in ``unit``.

    ``choices`` are (value, title). ``error`` says what does not fit, ``fixed`` why it cannot change any more,
    ``usual`` what it is where nobody says anything, for a field that is otherwise now.
    """

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "area", "number", "switch", "choice"] = "number"
    value: str = ""
    unit: str = ""
    usual: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    error: str = ""
    fixed: str = ""


class Section(Shown):
    """Some fields of a policy: those that most people look at, and the rest behind a word."""

    name: str
    title: str
    intro: str = ""
    fields: tuple[Entry, ...]
    more: tuple[Entry, ...] = ()

    @property
    def open(self) -> bool:
        """Whether one of the rest wants attention."""
        return any(field.error or field.usual for field in self.more)


class ForecastFact(Shown):
    """One number of a forecast: what it most likely is, and from where to where 8 of 10 imagined campaigns lie."""

    name: str
    term: str
    middle: str
    low: str
    high: str


class ForecastShown(Shown):
    """A forecast in words. ``bar`` is (images by people, by the model, unknown) at the end."""

    facts: tuple[ForecastFact, ...]
    bar: tuple[float, float, float]
    ends: tuple[tuple[str, str], ...] = ()
    advice: tuple[str, ...] = ()
    hourly: str = ""
    everyone: str = ""
    so_far: str = ""


class RiskRow(Shown):
    """What becomes of a task of somebody who is right so often: chances in words."""

    accuracy: str
    refused: str
    refused_once: str
    unused: str
    usual_rule: str


class FairnessShown(Shown):
    """What the thresholds mean for people."""

    gold: int
    refused_up_to: int | None
    guesser_paid: str
    guesser_used: str
    rows: tuple[RiskRow, ...]


class PolicyForm(Shown):
    """The policy as a form, with what is assumed for the forecast."""

    version: int = 1
    sections: tuple[Section, ...]
    beliefs: tuple[Entry, ...]
    forecast: ForecastShown | None = None
    fairness: FairnessShown | None = None
    error: str = ""

    @property
    def wrong(self) -> bool:
        """Whether something does not fit."""
        fields = (*self.beliefs, *(field for part in self.sections for field in (*part.fields, *part.more)))
        return bool(self.error) or any(field.error for field in fields)


class NewCategoryPage(Page):
    """A new category. ``slug`` and the texts as they were typed, or as a file says; ``loaded`` names the file.

    ``source`` is the category that it is a clone of.
    """

    template = "new_category.html"

    slug_entry: Entry
    question_entry: Entry
    instructions_entry: Entry
    policy: PolicyForm
    error: str = ""
    loaded: str = ""
    file_error: str = ""
    source: str = ""

    @property
    def base(self) -> str:
        """The address of the page."""
        return "/categories/new"

    @property
    def wrong(self) -> bool:
        """Whether something does not fit."""
        texts = (self.slug_entry, self.question_entry, self.instructions_entry)
        return self.policy.wrong or bool(self.error) or any(field.error for field in texts)

    def client(self) -> dict[str, Any]:
        """Where the page comes from, with other numbers."""
        return {"page": self.base}


class TeachingImage(Shown):
    """An example or a lesson."""

    image: str
    answer: bool
    why: str = ""


class TeachingForm(Shown):
    """The images of one kind that teach; ``why`` of each can be changed, and one can be added by its name."""

    kind: Literal["examples", "lessons"]
    title: str
    what: str
    images: tuple[TeachingImage, ...] = ()
    most: int = 0
    added: str = ""
    error: str = ""


class VersionLine(Shown):
    """A version of the policy: what it changed, as (field, before, after)."""

    version: int
    by: str
    why: str
    at: datetime
    changes: tuple[tuple[str, str, str], ...] = ()


class SettingsPage(Page):
    """The settings of one category. ``acts`` are those that its state allows."""

    template = "settings.html"

    slug: str
    state: State
    reason: str = ""
    question_entry: Entry
    instructions_entry: Entry
    teaching: tuple[TeachingForm, ...] = ()
    policy: PolicyForm
    why: Entry
    versions: tuple[VersionLine, ...] = ()
    older: int | None = None
    intake: tuple[tuple[str, str], ...] = ()
    clone_slug: Entry

    @property
    def base(self) -> str:
        """The address of the page, and the beginning of those of its acts."""
        return f"/categories/{self.slug}/settings"

    def client(self) -> dict[str, Any]:
        """Where the page comes from, with other numbers."""
        return {"page": self.base}
