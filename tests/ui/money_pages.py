"""Money, ledger and monitor, each with everything filled in and as empty as can be."""

from datetime import UTC, datetime, timedelta

from labeling_ui.contexts import (
    ComparedLine,
    DifferenceLine,
    ForDay,
    ForKind,
    Fund,
    Happened,
    JobLine,
    JobNumbers,
    Ledger,
    LedgerEntry,
    LedgerPage,
    LoopLine,
    MarketLine,
    Money,
    MoneyPage,
    Monitor,
    MonitorPage,
    Page,
    ProcessLine,
    Progress,
    ScrapeLine,
    WageLine,
    Wages,
    WageSpread,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'"


def _money() -> Money:
    fund = Fund(
        slug="circle",
        question=f"Is there a circle? {EVIL}",
        state="open",
        budget=50_000,
        spent=24_000,
        committed=3_600,
        to_come=(1_000.0, 9_000.0, 30_000.0),
        hourly=1_350.0,
        floor=1_500,
        worked_ms=9_000_000,
        submitted=310,
        unfinished=22,
        owed=2,
        owed_cents=308,
    )
    others = (
        {"slug": "square", "state": "paused", "to_come": (1.0, 2.0, 3.0), "owed": 1, "floor": 0},
        {"slug": "star", "state": "finished", "spent": 60_000, "to_come": (9e4, 9e4, 9e4), "hourly": None},
        {"slug": "dot", "to_come": None, "owed": 0},
    )
    day = ForDay(day="2026-03-01", category="circle", kind="reward", acts=3, cents=216, people_cents=180)
    return Money(
        days=30,
        slug="circle",
        funds=(fund, *(fund.model_copy(update=changes) for changes in others)),
        kinds=(
            ForKind(kind="reward", acts=3, cents=216, people_cents=180),
            ForKind(kind="refusal", acts=1, cents=0, people_cents=0),
        ),
        by_day=(day, day.model_copy(update={"kind": "floor", "cents": 154})),
        spread=WageSpread(people=3, lower=900.0, middle=1_400.0, upper=1_600.0, wages=(900.0, 1_400.0, 1_600.0)),
    )


def _wages() -> Wages:
    line = WageLine(
        id=f"circle:{EVIL}",
        category="circle",
        annotator=EVIL,
        hourly=900.0,
        earned=60,
        active_ms=240_000,
        submitted=1,
        unfinished=1,
        below=True,
    )
    return Wages(items=(line, line.model_copy(update={"below": False})), next="900.0~circle:A")


def _ledger() -> Ledger:
    entry = LedgerEntry(
        id="ASG1:A:floor",
        at=NOW,
        category="circle",
        annotator=EVIL,
        kind="floor",
        gets=128,
        cents=154,
        reason=EVIL,
        state="refused",
        why_not="The category's budget does not cover it.",
    )
    others = ({"kind": "refusal", "state": "done"}, {"kind": "reward", "state": "waiting"})
    items = (entry, *(entry.model_copy(update=changes | {"why_not": ""}) for changes in others))
    return Ledger(items=items, next="2026-03-01T12:00:00+00:00~ASG1")


PROGRESS = Progress(what="Scoring the pool", done=37, total=96)


def _jobs() -> tuple[JobLine, JobLine, JobLine, JobLine]:
    """One that runs, has failed, tries again, waits."""
    job = JobLine(
        id="train:circle:3",
        words="Train and score, round 3",
        category="circle",
        state="running",
        owner="host:1/0",
        since=NOW - timedelta(seconds=40),
        due_at=NOW,
        attempts=2,
        progress=PROGRESS,
    )
    failed = job.model_copy(update={"id": "embed:circle", "state": "failed", "error": EVIL, "progress": None})
    again = failed.model_copy(update={"id": "collect:circle", "state": "ready", "attempts": 1, "recurring": True})
    waiting = again.model_copy(update={"id": "erase", "category": None, "error": None})
    return job, failed, again, waiting


COMPARED = (
    ComparedLine(slug="circle", at=NOW - timedelta(minutes=5), hits=1_200, left=0),
    ComparedLine(
        slug="square",
        at=NOW - timedelta(minutes=9),
        hits=1,
        left=1,
        found=(
            DifferenceLine(hit="HIT1", words="the same task is posted a second time", outcome=EVIL),
            DifferenceLine(
                hit="HIT1", assignment="ASG1", words="paid here, not there", outcome="Paid there.", mended=True
            ),
        ),
    ),
)


def _monitor() -> Monitor:
    job, failed, again, waiting = _jobs()
    process = ProcessLine(
        id="host:1", kind="worker", alive=True, started_at=NOW, beat_at=NOW, slots=3, doing=("Train",)
    )
    market = MarketLine(
        name="turk", endpoint="http://127.0.0.1:8001", reachable=True, checked_at=NOW, since=NOW, balance_cents=812_345
    )
    loop = LoopLine(
        slug="circle",
        question=EVIL,
        state="open",
        phase="Round 3: training",
        round=3,
        unknown=41_000,
        total=100_000,
        hits=4,
        places=12,
        people=6,
        progress=PROGRESS,
    )
    search = ScrapeLine(
        name="photos-1", category="circle", title=EVIL, state="open", found=10, decided=4, images_per_s=2.5
    )
    return Monitor(
        now=NOW,
        running=(job,),
        waiting=(waiting, waiting.model_copy(update={"due_at": NOW + timedelta(seconds=9), "recurring": False})),
        troubled=(failed, again),
        numbers=JobNumbers(ready=30, running=1, failed=1),
        late_s=3.0,
        processes=(
            process,
            process.model_copy(update={"id": "host:2", "alive": False, "doing": ()}),
            process.model_copy(update={"id": "host:3", "kind": "web"}),
        ),
        markets=(
            market,
            market.model_copy(
                update={"name": "mturk", "endpoint": "", "reachable": False, "error": EVIL, "stale": True}
            ),
        ),
        compared=COMPARED,
        loops=(loop, loop.model_copy(update={"slug": "square", "state": "paused", "reason": EVIL, "progress": None})),
        scrapes=(
            search,
            search.model_copy(update={"name": "photos-2", "state": "asleep", "images_per_s": 0.0}),
            search.model_copy(update={"name": "photos-3", "state": "failed", "error": EVIL}),
        ),
        happened=(
            Happened(at=NOW - timedelta(minutes=5), words=EVIL, category="circle", level="error"),
            Happened(at=NOW - timedelta(hours=5), words="The market turk answers again"),
        ),
    )


FULL: tuple[Page, ...] = (
    MoneyPage(money=_money(), lowest=_wages(), choices=("circle", "square"), done="2 bonuses are on the way."),
    LedgerPage(ledger=_ledger(), slug="circle", choices=("circle", "square"), first=False),
    MonitorPage(state=_monitor()),
)
EMPTY: tuple[Page, ...] = (
    MoneyPage(money=Money(days=30)),
    MoneyPage(money=_money().model_copy(update={"slug": None, "kinds": (), "by_day": (), "spread": WageSpread()})),
    LedgerPage(ledger=Ledger()),
    MonitorPage(state=Monitor(now=NOW)),
)
