"""The monitor: everything that the back end does, on one page."""

from datetime import datetime
from typing import Any, Literal

from labeling_ui.contexts.base import Page, Shown
from labeling_ui.contexts.category import CategoryState, Progress

Level = Literal["good", "busy", "bad"]


class JobLine(Shown):
    """One job: what it does in words, for which category, and how it stands.

    ``since`` is when it began to run or when it ended last, ``due_at`` when it may run; ``recurring`` jobs come back.
    """

    id: str
    words: str
    category: str | None = None
    state: Literal["ready", "running", "failed"]
    owner: str | None = None
    since: datetime | None = None
    due_at: datetime
    attempts: int = 0
    recurring: bool = False
    error: str | None = None
    progress: Progress | None = None


class ProcessLine(Shown):
    """One process: a worker or a web process. ``alive`` is false where it has said nothing for a while."""

    id: str
    kind: Literal["worker", "web"]
    alive: bool
    started_at: datetime
    beat_at: datetime
    slots: int = 0
    doing: tuple[str, ...] = ()


class MarketLine(Shown):
    """A market as it was found last; ``reachable`` for as long as ``since``."""

    name: str
    endpoint: str
    reachable: bool
    checked_at: datetime
    since: datetime
    balance_cents: int | None = None
    error: str = ""
    stale: bool = False


class DifferenceLine(Shown):
    """Something that our ledger and the market did not agree about, and what was done."""

    hit: str
    assignment: str = ""
    words: str
    outcome: str = ""
    mended: bool = False


class ComparedLine(Shown):
    """The newest comparison of a category's ledger with the market's: ``left`` differences are still there."""

    slug: str
    at: datetime
    hits: int
    left: int
    found: tuple[DifferenceLine, ...] = ()


class LoopLine(Shown):
    """One category in the loop: its round, what happens now, its open HITs, places to take and people at work."""

    slug: str
    question: str
    state: CategoryState
    reason: str = ""
    phase: str = ""
    round: int = 0
    unknown: int = 0
    total: int = 0
    hits: int = 0
    places: int = 0
    people: int = 0
    progress: Progress | None = None


class ScrapeLine(Shown):
    """A search for images that runs, waits or has failed."""

    name: str
    category: str
    title: str
    state: str
    error: str = ""
    found: int = 0
    decided: int = 0
    images_per_s: float = 0.0


class Happened(Shown):
    """Something that happened at a time."""

    at: datetime
    words: str
    category: str | None = None
    level: Literal["info", "error"] = "info"


class JobNumbers(Shown):
    """Jobs that have not ended well, by state."""

    ready: int = 0
    running: int = 0
    failed: int = 0


class Monitor(Shown):
    """The state of the back end at ``now``. ``late_s`` is for how long the job that waits longest could have run."""

    now: datetime
    running: tuple[JobLine, ...] = ()
    waiting: tuple[JobLine, ...] = ()
    troubled: tuple[JobLine, ...] = ()
    numbers: JobNumbers = JobNumbers()
    late_s: float = 0.0
    processes: tuple[ProcessLine, ...] = ()
    markets: tuple[MarketLine, ...] = ()
    compared: tuple[ComparedLine, ...] = ()
    loops: tuple[LoopLine, ...] = ()
    scrapes: tuple[ScrapeLine, ...] = ()
    happened: tuple[Happened, ...] = ()

    @property
    def workers(self) -> int:
        """Worker processes that live."""
        return sum(process.alive for process in self.processes if process.kind == "worker")

    @property
    def troubles(self) -> tuple[str, ...]:
        """What a person should look at, in words; empty when all is well."""
        found = []
        if not self.workers:
            found.append("No worker runs: nothing is posted, collected or trained.")
        failed = sum(job.state == "failed" for job in self.troubled)
        if failed:
            found.append(f"{failed} job{'s have' if failed > 1 else ' has'} failed and will not be tried again.")
        again = len(self.troubled) - failed
        if again:
            found.append(f"{again} job{'s' if again > 1 else ''} met an error and will be tried again.")
        found += [f"The market {m.name} does not answer: {m.error}" for m in self.markets if not m.reachable]
        found += [
            f"The ledger of {c.slug} and the market differ in {c.left} thing{'s' if c.left > 1 else ''}: see Market."
            for c in self.compared
            if c.left
        ]
        found += [f"A search for images of {s.category} has failed: {s.error}" for s in self.scrapes if s.error]
        return tuple(found)

    @property
    def level(self) -> Level:
        """How it stands on the whole."""
        return "bad" if self.troubles else "busy" if self.running else "good"


class MonitorPage(Page):
    """Everything that the back end does, live."""

    template = "monitor.html"

    state: Monitor
    tried: str = ""

    def client(self) -> dict[str, Any]:
        """Where to listen for news."""
        return {"page": "/monitor", "events": "/monitor/events"}
