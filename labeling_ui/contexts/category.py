"""The researchers' pages: the list of categories, and one category."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from active_learning.domain.label import Source
from labeling_ui.charts import Agreed, agreement_chart, pool_chart
from labeling_ui.charts import Standing as Moment
from labeling_ui.contexts.base import Page, Shown
from labeling_ui.contexts.mistakes import KINDS, Mistake, MistakeKind, Told
from labeling_ui.contexts.model import Scores

CategoryState = Literal["open", "paused", "finished", "archived"]
Interval = tuple[float, float, float]


class Counts(Shown):
    """Candidates by state."""

    unknown: int = 0
    selected: int = 0
    posted: int = 0
    labeled: int = 0
    auto_labeled: int = 0


class Decided(Shown):
    """Labels in force by who decided and what was said. Expert and imported labels are ``gold``."""

    human_yes: int = 0
    human_no: int = 0
    auto_yes: int = 0
    auto_no: int = 0
    gold_yes: int = 0
    gold_no: int = 0


class Agreement(Shown):
    """Images that people decided or gave up, by how their answers stood to each other; ``pairs`` of answers of two
    people to one of them, ``alike`` of them the same."""

    agreed: int = 0
    contested: int = 0
    disputed: int = 0
    single: int = 0
    pairs: int = 0
    alike: int = 0


class Standing(Shown):
    """Where so many images stand, in words; ``query`` finds them in the pool."""

    words: str
    images: int
    who: Literal["people", "model", "unknown"]
    query: str = ""


class RoundRow(Shown):
    """One round in the table.

    ``posted``, ``answers``, ``human_labels`` and ``spent_cents`` are of this round alone; ``auto_yes``, ``auto_no`` and
    ``unknown`` say how the pool stood when it ended. Cuts and bounds are ``None`` on a side that could not hold its
    target. ``n`` validation images, ``positives`` of them yes, calibrated the model.
    """

    round: int
    strategy: str
    posted: int
    answers: int
    human_labels: int
    auto_yes: int
    auto_no: int
    unknown: int
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    positives: int = 0
    precision_bound: float | None = None
    recall_bound: float | None = None
    confidence: float | None = None
    model_version: str | None = None
    loss: float | None = None
    spent_cents: int = 0
    agreement: Agreement = Agreement()


class Validation(Shown):
    """Validation images decided by people, and how many the policy wants."""

    labeled: int = 0
    wanted: int = 0


class Gold(Shown):
    """Gold by its answer."""

    yes: int = 0
    no: int = 0


class Promise(Shown):
    """The targets of the policy and the bounds that the validation images give now.

    ``held`` is ``None`` as long as nothing was calibrated. ``needed`` validation images more would let a failing side
    pass if they look like the present ones. The bounds come from look number ``look`` at ``n`` validation images,
    ``positives`` of them yes.
    """

    precision: float
    recall: float
    confidence: float
    held: bool | None = None
    precision_bound: float | None = None
    recall_bound: float | None = None
    needed: int = 0
    look: int = 0
    n: int = 0
    positives: int = 0


class Progress(Shown):
    """How far the heavy step that runs now is: ``done`` of ``total`` parts of ``what``."""

    what: str
    done: int
    total: int


class Audit(Shown):
    """What people said of the model's labels that they checked: (checked, wrong) of either answer, and the bounds.

    ``yes_right`` and ``no_right`` are lower confidence bounds of the share that is right, at any time; ``alarm`` names
    the sides whose labels were taken back because a promise was broken.
    """

    yes: tuple[int, int] = (0, 0)
    no: tuple[int, int] = (0, 0)
    yes_right: float | None = None
    no_right: float | None = None
    alarm: tuple[str, ...] = ()


class Cost(Shown):
    """Money: paid, promised to work that is still out, and the budget."""

    spent_cents: int = 0
    committed_cents: int = 0
    budget_cents: int = 0


class Estimate(Shown):
    """What is left, each as (low, middle, high)."""

    answers: Interval
    cents: Interval
    seconds: Interval


class Submissions(Shown):
    """Submissions by verdict. ``excluded`` ones are not used for labels, whether paid or not."""

    approved: int = 0
    rejected: int = 0
    excluded: int = 0


class Example(Shown):
    """A thumbnail. ``image`` is a sha256; ``source`` says who decided, ``None`` for an unknown one."""

    image: str
    source: Source | None = None
    score: float | None = None


class Examples(Shown):
    """Up to 12 images each of what was decided and of what was not."""

    yes: tuple[Example, ...] = Field(default=(), max_length=12)
    no: tuple[Example, ...] = Field(default=(), max_length=12)
    unknown: tuple[Example, ...] = Field(default=(), max_length=12)


class Links(Shown):
    """Where to go from the category page. ``task`` shows a task as an annotator sees it; ``None`` before the first."""

    task: str | None = None
    marketplace: str
    expert: str


class CategorySummary(Shown):
    """Everything that the category page says; also its JSON. ``phase`` says in words what is happening now."""

    slug: str
    question: str
    instructions: str = ""
    state: CategoryState = "open"
    state_reason: str = ""
    counts: Counts = Counts()
    decided: Decided = Decided()
    total: int = 0
    rounds: tuple[RoundRow, ...] = ()
    phase: str = ""
    progress: Progress | None = None
    audit: Audit = Audit()
    validation: Validation = Validation()
    gold: Gold = Gold()
    promise: Promise
    cost: Cost = Cost()
    estimate: Estimate | None = None
    submissions: Submissions = Submissions()
    examples: Examples = Examples()
    standings: tuple[Standing, ...] = ()
    scores: Scores | None = None
    mistakes: Mapping[MistakeKind, tuple[Mistake, ...]] = Field(default_factory=dict)
    links: Links

    @property
    def open_images(self) -> int:
        """Images that nobody has decided: unknown, selected or posted."""
        return self.counts.unknown + self.counts.selected + self.counts.posted

    @property
    def decided_images(self) -> int:
        """Images with a label in force."""
        return self.counts.labeled + self.counts.auto_labeled

    @property
    def agreement(self) -> Agreement:
        """How far people have agreed in all rounds."""
        names = Agreement.model_fields
        return Agreement(**{name: sum(getattr(row.agreement, name) for row in self.rounds) for name in names})

    def charts(self) -> dict[str, dict[str, Any]]:
        """Vega-Lite by the id of its place."""
        rounds = [Agreed(str(row.round), **row.agreement.model_dump(exclude={"pairs", "alike"})) for row in self.rounds]
        model = self.scores.charts() if self.scores else {}
        return {"chart": self.chart, "agreement-chart": agreement_chart(rounds), **model}

    @property
    def chart(self) -> dict[str, Any]:
        """The pool round by round, and as it stands now if that is news."""
        total = self.total
        if not total:
            return pool_chart([])
        moments = [Moment("start", 0, 0, total)]
        for row in self.rounds:
            model = row.auto_yes + row.auto_no
            moments.append(Moment(str(row.round), total - row.unknown - model, model, row.unknown))
        now = Moment("now", self.counts.labeled, self.counts.auto_labeled, self.open_images)
        if now[1:] != moments[-1][1:]:
            moments.append(now)
        return pool_chart(moments)


class CategoryPage(Page):
    """One category: the pool shrinking, rounds, cuts, guarantee, cost, examples."""

    template = "category.html"

    summary: CategorySummary

    @property
    def kinds(self) -> Mapping[MistakeKind, Told]:
        """The lists of images to look at."""
        return KINDS

    def client(self) -> dict[str, Any]:
        """Where to listen for news, the charts by their places, and what is needed to move the cuts."""
        base = f"/categories/{self.summary.slug}"
        scores = self.summary.scores.movable() if self.summary.scores else None
        return {"page": base, "events": f"{base}/events", "charts": self.summary.charts(), "scores": scores}
