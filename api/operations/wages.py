"""Wages: work is counted when it ends, pay when the market has paid, and the wage floor is topped up once."""

from active_learning import wages
from active_learning.domain.category import Category
from active_learning.domain.submission import Submission
from active_learning.domain.task import Task
from api.operations import bonuses
from api.operations.context import Winnow
from api.store import Session
from api.store.payments import FLOOR

MINUTE_MS = 60_000


async def worked(w: Winnow, submission: Submission) -> int:
    """Milliseconds of work in a submission, lessons included."""
    began = await w.store.assignments.began(submission.id)
    elapsed = None if began is None else (submission.submitted_at - began).total_seconds() * 1_000
    return wages.active_ms((one.visible_ms for one in (*submission.answers, *submission.lessons)), elapsed)


async def count_work(w: Winnow, slug: str, annotator: str, ms: int, session: Session, finished: bool = True) -> None:
    """Count the work of an assignment that has ended, whatever its pay will be."""
    changes = {"active_ms": ms, "submitted" if finished else "unfinished": 1}
    await _count(w, slug, annotator, changes, session)


async def count_pay(w: Winnow, slug: str, annotator: str, cents: int, session: Session) -> None:
    """Count what the market has paid out to somebody."""
    await _count(w, slug, annotator, {"earned_cents": cents}, session)


async def _count(w: Winnow, slug: str, annotator: str, changes: dict[str, int], session: Session) -> None:
    await w.store.wages.count(slug, annotator, changes, session)
    await w.store.categories.count(slug, {f"wages.{name}": n for name, n in changes.items()}, session)


async def top_up(w: Winnow, task: Task, submission: Submission, worked_ms: int, session: Session) -> bool:
    """Write down the bonus that a paid submission needs to reach the category's wage floor; says whether it needs one.

    In the transaction that decides on the pay. The ledger's id is the assignment's: a second call, after a refusal was
    taken back for example, changes nothing.
    """
    document = await w.store.categories.get(task.category, session)
    floor = Category.model_validate(document["category"]).policy.wage_floor_cents
    cents = wages.top_up(task.reward_cents, worked_ms, floor)
    ledger = f"{submission.id}{FLOOR}"
    if not cents or await w.store.payments.get(ledger, session) is not None:
        return False
    owed = bonuses.Owed(
        id=ledger,
        annotator=submission.annotator,
        market_assignment=submission.market_assignment,
        cents=cents,
        reason=why(task.reward_cents, worked_ms, floor),
    )
    await bonuses.owe(w, task, owed, document, {"worked_ms": worked_ms, "floor_cents": floor}, session)
    return True


def why(reward_cents: int, worked_ms: int, floor_cents: int) -> str:
    """What the annotator reads beside the bonus."""
    minutes = worked_ms / MINUTE_MS
    return (
        f"You worked {minutes:.1f} minutes on this task. Nobody here earns less than {_dollars(floor_cents)} an hour, "
        f"and the reward was {_dollars(reward_cents)}: this makes up the rest."
    )


def _dollars(cents: int) -> str:
    return f"${cents / 100:.2f}"
