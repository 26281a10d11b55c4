"""Contexts of the pages about workers: once with everything, once as empty as they can be."""

from datetime import UTC, datetime

from active_learning import conduct
from active_learning.conduct import Kind
from labeling_ui.contexts import (
    AnswerRow,
    AppealPage,
    AppealRow,
    AppealsPage,
    ComparePage,
    MarketActRow,
    Page,
    SubmissionPage,
    SubmissionRow,
    WorkerFlag,
    WorkerPage,
    WorkersPage,
    WorkerSummary,
)
from labeling_ui.contexts.workers import PAY_WORDS, FlagState, Typed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = "A1EXAMPLE"
ABOUT: dict[Kind, dict[str, float]] = {
    Kind.TOO_FAST: {"seconds": 0.2, "crowd_seconds": 1.0, "crowd": 23, "answers": 300},
    Kind.ONE_ANSWER: {"said_yes": 0, "answers": 150, "run": 61, "yes": 40},
    Kind.FALLING: {"before": 80, "before_right": 76, "after": 40, "after_right": 22},
    Kind.SHARED_TIMING: {"places": 64, "correlation": 0.97},
    Kind.KNOWS_GOLD: {
        **{"right": 80, "gold": 80, "agreed": 120, "compared": 220},
        **{"crowd_gold": 0.93, "crowd_agreed": 0.85},
    },
}


def summary(category: str = "", **changes: object) -> WorkerSummary:
    """Somebody who has worked a lot."""
    low, high = conduct.interval(72, 80)
    fields: dict[str, object] = {
        **{"worker": ANN, "category": category, "submissions": 12, "used": 11, "unpaid": 1, "answers": 1_800},
        **{"yes": 700, "gold": 80, "right": 72, "gold_yes": 40, "right_yes": 37, "accuracy_low": low},
        **{"accuracy_high": high, "pace_s": 1.2, "hidden_s": 80.0, "changes": 9, "streak": 14, "agreed": 900},
        **{"compared": 1_000, "active_s": 2_400.0, "earned_cents": 720, "hourly_cents": 1_080.0, "open_flags": 2},
        **{"kinds": tuple(Kind), "first_at": NOON, "last_at": NOON},
    }
    return WorkerSummary.model_validate({**fields, **changes})


def flags() -> tuple[WorkerFlag, ...]:
    """One of each kind, in every state."""
    states: tuple[FlagState, ...] = ("open", "confirmed", "dismissed", "open", "open")
    found = []
    for (kind, about), state in zip(ABOUT.items(), states, strict=True):
        decided = {} if state == "open" else {"by": "ann", "note": "I have looked.", "decided_at": NOON}
        numbers = {"statistic": -4.0, "threshold": -3.2, "p": 1e-12, "level": 1e-4, "about": about, "raised_at": NOON}
        other = "A2EXAMPLE" if kind is Kind.SHARED_TIMING else ""
        fields = {"id": f"circle:{ANN}:{kind}", "category": "circle", "kind": kind, "state": state, "other": other}
        found.append(WorkerFlag.model_validate({**fields, **numbers, **decided}))
    return tuple(found)


def row(number: int = 0, **changes: object) -> SubmissionRow:
    """One submission; each number has another state of its pay."""
    pay = list(PAY_WORDS)[number % len(PAY_WORDS)]
    fields: dict[str, object] = {
        **{"id": f"ASG{number}:{ANN}", "worker": ANN, "category": "circle", "task": "t"},
        **{"name": f"circle 1.1.{number}", "submitted_at": NOON, "answers": 3},
        **{"gold": 2, "right": 1, "use": True, "pay": pay, "reward_cents": 60},
        **{"bonus_cents": 5, "pace_s": 1.1, "minutes": 4.2, "reason": "1 of 2 were right.", "appeal": "open"},
    }
    return SubmissionRow.model_validate({**fields, **changes})


def answers() -> tuple[AnswerRow, ...]:
    """One of each kind."""
    known = ((None, True), (None, None), (True, None), (False, None))
    return tuple(
        AnswerRow(
            place=n, image=f"{n:064x}", value=True, gold=gold, decided=decided, seconds=0.9 * n, hidden_s=2.0, changes=1
        )
        for n, (gold, decided) in enumerate(known, 1)
    )


def appeal(state: str = "open") -> AppealRow:
    """Somebody objects."""
    answered = {} if state == "open" else {"answer": "You are right.", "by": "ann", "answered_at": NOON}
    fields = {"submission": f"ASG1:{ANN}", "worker": ANN, "category": "circle", "reason": "1 of 2 were right."}
    said = {"text": "I <b>did</b> look.", "language": "en", "sent_at": NOON, "state": state, "gold": 2, "right": 1}
    return AppealRow.model_validate({**fields, **said, **answered})


def _acts() -> tuple[MarketActRow, ...]:
    return (
        MarketActRow(act="notify", subject="Come back", text="There is more.", by="ann", at=NOON),
        MarketActRow(act="block", text="two accounts", by="ann", at=NOON, done_at=NOON, refused="It does not exist."),
    )


BINS = tuple(range(conduct.BINS))
TYPED = Typed(form="bonus", problem="'x' is not an amount of dollars.", values={"dollars": "x", "reason": "<3"})

FULL: tuple[Page, ...] = (
    WorkersPage(
        workers=(summary(), summary(worker="A2EXAMPLE", blocked=True, gold=0, right=0, compared=0, pace_s=None)),
        **{"categories": ("circle", "square"), "category": "circle", "flag": "open", "first": False, "appeals": 100},
        **{"waiting": 1, "following": "/workers?after=x"},
    ),
    WorkerPage(
        worker=ANN,
        sums=(summary(), summary("circle", stopped="too often wrong"), summary("square")),
        category="circle",
        flags=flags(),
        submissions=tuple(row(n) for n in range(len(PAY_WORDS))),
        following="2026-03-01T12:00:00+00:00~x",
        acts=_acts(),
        **{"times": BINS, "crowd": BINS, "edges_s": conduct.edges_s(), "last": "ASG0:A1EXAMPLE", "done": "bonus"},
        typed=Typed(form="confirmed", problem="Say what you saw.", values={"flag": f"circle:{ANN}:too_fast"}),
    ),
    SubmissionPage(
        row=row(1), question="A circle?", answers=answers(), lessons=2, crowd_s=1.0, viewport=(1280, 800), typed=TYPED,
        **{"agreed": 1, "compared": 1, "earlier": "/workers/a/submissions/b", "later": "/workers/a/submissions/c"},
    ),
    ComparePage(workers=(summary(), summary(worker="A2EXAMPLE")), times=(BINS, BINS), edges_s=conduct.edges_s()),
    AppealsPage(
        appeals=(appeal(),), following="x", waiting=(row(1),), answered=(appeal("accepted"), appeal("declined")),
        done="accepted", typed=Typed(form=f"ASG1:{ANN}", problem="Say more.", values={"words": "No."}),
    ),
    AppealPage(token="t", question="A circle?", reason="1 of 2.", refused=True, paid=False, problem="length", text="?"),
    AppealPage(
        token="t", question="A circle?", reason="1 of 2.", refused=True, paid=True, state="accepted", text="I did.",
        answer="You are right.", language="ar",
    ),
)  # fmt: skip
NOTHING = SubmissionRow(id="A:B", worker="B", category="circle", task="", name="", submitted_at=None)
EMPTY: tuple[Page, ...] = (
    WorkersPage(),
    WorkerPage(worker=ANN, sums=(WorkerSummary(worker=ANN), WorkerSummary(worker=ANN, category="c")), category="c"),
    SubmissionPage(row=NOTHING, question="?"),
    ComparePage(),
    AppealsPage(),
    AppealPage(token="t", question="A circle?", reason="", refused=False, paid=False, language="de"),
)  # fmt: skip
