"""Bonuses that Winnow owes by its own rules: written down once, within the budget, paid by the collect job."""

from active_learning.domain.category import Category
from active_learning.domain.task import Task
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document

NO_MONEY = "The category's budget does not cover it."


class Owed(Value):
    """A bonus of ``cents`` for somebody's work on an assignment of the market. ``id`` is its place in the ledger."""

    id: str
    annotator: str
    market_assignment: str
    cents: int
    reason: str


async def owe(w: Winnow, task: Task, owed: Owed, document: Document, fields: Document, session: Session) -> bool:
    """Write a bonus down, in the caller's transaction; ``document`` is the category's, read in it.

    What the budget does not cover is written down as refused, so that it can be seen. Says whether it is covered.
    """
    now = w.clock()
    policy = Category.model_validate(document["category"]).policy
    cost = policy.cost_for(owed.cents)
    covered = cost <= policy.budget_cents - sum(int(cents) for cents in document["money"].values())
    entry: Document = {
        "category": task.category,
        "round": task.round,
        "hit": task.hit,
        "annotator": owed.annotator,
        "act": "bonus",
        "assignment": owed.market_assignment,
        "cents": cost,
        "bonus": owed.cents,
        "reason": owed.reason,
        **fields,
    }
    await w.store.payments.intend(owed.id, entry, now, session)
    if not covered:
        await w.store.payments.refused(owed.id, NO_MONEY, now, session)
    changes = {"money.committed_cents": cost} if covered else {"bonuses.refused": 1}
    await w.store.categories.count(task.category, changes, session)
    return covered
