"""Pages about the people who answer: the list, one person, one submission, two or more side by side, appeals."""

from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field

from active_learning.conduct import Kind, interval
from labeling_ui.charts_workers import WHOSE, Checked, Timed, accuracies, speeds, timing
from labeling_ui.conduct import TITLES, Said, rarity, said
from labeling_ui.contexts.base import Page, Shown
from labeling_ui.words import languages

FlagState = Literal["open", "confirmed", "dismissed"]
Order = Literal["last", "submissions", "accuracy", "speed"]
PayState = Literal["none", "waits", "paying", "paid", "refusing", "refused", "taking_back", "taken_back"]

PAY_WORDS: dict[PayState, str] = {
    "none": "not judged yet",
    "waits": "waits for a decision",
    "paying": "is being paid",
    "paid": "paid",
    "refusing": "is being refused",
    "refused": "refused",
    "taking_back": "is being paid after all",
    "taken_back": "paid after all",
}


class WorkerSummary(Shown):
    """How somebody works, in one category or (``category`` empty) in all. Times in seconds, money in US cents.

    ``right`` of ``gold`` hidden check images, with the exact interval of 95 %; ``agreed`` of ``compared`` other answers
    agree with what people have decided since. ``pace_s`` is the geometric mean time an image. ``hourly_cents`` counts
    all measured work, unfinished work too. ``stopped`` says why nobody asks them here any more.
    """

    worker: str
    category: str = ""
    submissions: int = 0
    used: int = 0
    unpaid: int = 0
    answers: int = 0
    yes: int = 0
    gold: int = 0
    right: int = 0
    gold_yes: int = 0
    right_yes: int = 0
    accuracy_low: float = 0.0
    accuracy_high: float = 1.0
    pace_s: float | None = None
    hidden_s: float = 0.0
    changes: int = 0
    streak: int = 0
    agreed: int = 0
    compared: int = 0
    active_s: float = 0.0
    earned_cents: int = 0
    hourly_cents: float | None = None
    open_flags: int = 0
    confirmed_flags: int = 0
    kinds: tuple[Kind, ...] = ()
    blocked: bool = False
    stopped: str = ""
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def accuracy(self) -> float | None:
        """Share of check images answered right."""
        return self.right / self.gold if self.gold else None

    @property
    def noticed(self) -> tuple[str, ...]:
        """The titles of flags that are open or confirmed."""
        return tuple(TITLES[kind] for kind in self.kinds)


class WorkerFlag(Shown):
    """Something noticed about somebody's work: a reason to look, until a person has decided.

    ``p`` is the chance that honest work looks so, below ``level``; ``statistic`` lies beyond ``threshold``.
    """

    id: str
    category: str
    kind: Kind
    statistic: float
    threshold: float
    p: float
    level: float
    about: dict[str, float] = Field(default_factory=dict)
    other: str = ""
    state: FlagState = "open"
    raised_at: datetime
    by: str = ""
    note: str = ""
    decided_at: datetime | None = None

    @property
    def words(self) -> Said:
        """What it says."""
        return said(self.kind, self.about, self.other)

    @property
    def rarity(self) -> str:
        """How often honest people look so."""
        return rarity(self.p, self.level)


class SubmissionRow(Shown):
    """One submission of somebody: its check, its money, how it was worked on. ``appeal`` is the state of an appeal."""

    id: str
    worker: str
    category: str
    task: str
    name: str
    submitted_at: datetime | None
    answers: int = 0
    gold: int = 0
    right: int = 0
    use: bool | None = None
    pay: PayState = "none"
    reason: str = ""
    reward_cents: int = 0
    bonus_cents: int = 0
    pace_s: float | None = None
    minutes: float = 0.0
    appeal: str = ""

    @property
    def pay_words(self) -> str:
        """What became of its money."""
        return PAY_WORDS[self.pay]


class MarketActRow(Shown):
    """An act about somebody at the market: done, waiting, or refused by it (``refused`` says why)."""

    act: Literal["block", "unblock", "notify"]
    text: str
    subject: str = ""
    by: str = ""
    at: datetime
    done_at: datetime | None = None
    refused: str = ""


class AnswerRow(Shown):
    """One answer: ``gold`` is the known answer of a check image, ``decided`` what people decided about another one."""

    place: int
    image: str
    value: bool
    gold: bool | None = None
    decided: bool | None = None
    seconds: float
    hidden_s: float = 0.0
    changes: int = 0
    device: str = ""

    @property
    def check(self) -> str:
        """What the chart calls it."""
        return "asked" if self.gold is None else "gold, right" if self.gold is self.value else "gold, wrong"


class WorkersPage(Page):
    """The list. ``following`` is the address of what comes after these, empty at the end."""

    template = "workers.html"

    workers: tuple[WorkerSummary, ...] = ()
    categories: tuple[str, ...] = ()
    category: str = ""
    flag: str = ""
    blocked: bool = False
    order: Order = "last"
    first: bool = True
    following: str = ""
    appeals: int = 0
    waiting: int = 0

    def address(self, **changes: str) -> str:
        """This list with other filters."""
        now = {
            "category": self.category,
            "flag": self.flag,
            "blocked": "yes" if self.blocked else "",
            "order": self.order,
        }
        kept = {name: value for name, value in {**now, **changes}.items() if value and value != "last"}
        return "/workers" + (f"?{urlencode(kept)}" if kept else "")

    @property
    def beginning(self) -> str:
        """The first page of this list."""
        return self.address()

    @property
    def table(self) -> str:
        """Where the whole list is to be had as CSV."""
        return "/workers.csv" + (f"?{urlencode({'category': self.category})}" if self.category else "")


class Typed(Shown):
    """A form that did not fit: which one, what was typed, and what is wrong."""

    form: str = ""
    problem: str = ""
    values: dict[str, str] = Field(default_factory=dict)


class WorkerPage(Page):
    """One person. ``sums`` begins with all categories together; the charts are of ``category``.

    ``following`` is from where the list of submissions goes on. ``last`` is the submission that a bonus from this page
    is for, ``number`` the one that it would have; ``act_number`` is that of the next act about them. ``done`` says what
    has just been done.
    """

    template = "worker.html"

    worker: str
    sums: tuple[WorkerSummary, ...]
    category: str
    flags: tuple[WorkerFlag, ...] = ()
    submissions: tuple[SubmissionRow, ...] = ()
    following: str = ""
    acts: tuple[MarketActRow, ...] = ()
    times: tuple[int, ...] = ()
    crowd: tuple[int, ...] = ()
    edges_s: tuple[float, ...] = ()
    use_accuracy: float = 0.75
    last: str = ""
    number: int = 1
    act_number: int = 1
    done: str = ""
    typed: Typed = Typed()

    @property
    def everywhere(self) -> WorkerSummary:
        """All categories together."""
        return self.sums[0]

    @property
    def here(self) -> WorkerSummary:
        """The category that the charts are of."""
        return next((one for one in self.sums if one.category == self.category), self.sums[0])

    @property
    def base(self) -> str:
        """The page's own address."""
        return f"/workers/{self.worker}"

    @property
    def more(self) -> str:
        """Where the list of submissions goes on."""
        return f"{self.base}?{urlencode({'category': self.category, 'after': self.following})}#submissions"

    def client(self) -> dict[str, Any]:
        """The charts."""
        checked = [
            Checked(number, one.right / one.gold, *interval(one.right, one.gold), one.right, one.gold)
            for number, one in enumerate(reversed(self.submissions), 1)
            if one.gold
        ]
        whose = dict(zip(WHOSE, (self.times, self.crowd), strict=True)) if any(self.times) else {}
        return {
            "charts": {
                "speeds": speeds(self.edges_s, whose, WHOSE[1]),
                "accuracies": accuracies(checked, self.use_accuracy),
            }
        }


class SubmissionPage(Page):
    """One submission with the time of every image. ``crowd_s`` is everybody's middle time an image.

    ``earlier`` and ``later`` are the addresses of the person's submissions before and after it.
    """

    template = "submission.html"

    row: SubmissionRow
    question: str
    answers: tuple[AnswerRow, ...] = ()
    lessons: int = 0
    crowd_s: float | None = None
    viewport: tuple[int, int] = (0, 0)
    longest_run: tuple[int, bool] = (0, False)
    agreed: int = 0
    compared: int = 0
    number: int = 1
    earlier: str = ""
    later: str = ""
    done: str = ""
    typed: Typed = Typed()

    @property
    def base(self) -> str:
        """The page's own address."""
        return f"/workers/{self.row.worker}/submissions/{self.row.id}"

    def client(self) -> dict[str, Any]:
        """The chart."""
        timed = [
            Timed(one.place, one.seconds, "yes" if one.value else "no", one.check, one.hidden_s, one.changes)
            for one in self.answers
        ]
        return {"charts": {"timing": timing(timed, self.crowd_s)}}


class ComparePage(Page):
    """Several people side by side, in one category or all."""

    template = "compare.html"

    category: str = ""
    workers: tuple[WorkerSummary, ...] = ()
    times: tuple[tuple[int, ...], ...] = ()
    edges_s: tuple[float, ...] = ()

    def client(self) -> dict[str, Any]:
        """The chart."""
        counts = {one.worker: times for one, times in zip(self.workers, self.times, strict=True)}
        return {"charts": {"speeds": speeds(self.edges_s, counts) if counts else None}}


class AppealRow(Shown):
    """An appeal: somebody's words, in ``language``, against the refusal of a submission, and the answer."""

    submission: str
    worker: str
    category: str
    reason: str
    text: str
    language: str
    sent_at: datetime
    state: Literal["open", "accepted", "declined"] = "open"
    answer: str = ""
    by: str = ""
    answered_at: datetime | None = None
    gold: int = 0
    right: int = 0

    @property
    def address(self) -> str:
        """The submission's page."""
        return f"/workers/{self.worker}/submissions/{self.submission}"


class AppealsPage(Page):
    """The desk: appeals that wait, submissions that wait for a decision about their pay, what was answered last."""

    template = "appeals.html"

    appeals: tuple[AppealRow, ...] = ()
    following: str = ""
    waiting: tuple[SubmissionRow, ...] = ()
    answered: tuple[AppealRow, ...] = ()
    done: str = ""
    typed: Typed = Typed()

    @property
    def more(self) -> str:
        """Where the list of appeals goes on."""
        return f"/workers/appeals?{urlencode({'after': self.following})}"


class AppealPage(Page):
    """What somebody who was refused sees at the link that came with the refusal, in their language.

    ``problem`` is ``length`` where what they wrote does not fit, ``over`` where it came too late.
    """

    template = "appeal.html"

    token: str
    question: str
    reason: str
    refused: bool
    paid: bool
    state: str = ""
    text: str = ""
    answer: str = ""
    sent: bool = False
    problem: str = ""
    longest: int = 2_000

    @property
    def languages(self) -> dict[str, str]:
        """What else the page can speak."""
        return dict(languages())
