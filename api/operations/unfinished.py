"""Work that the time limit ended. Its answers are erased; where the policy says so, it is paid in proportion."""

from active_learning import quality
from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from active_learning.domain.task import Task
from api.operations.context import Winnow
from api.operations.labeling import given
from api.store import Session
from api.store.connection import Document

NO_MONEY = "The category's budget does not cover it."


async def erase(w: Winnow) -> int:
    """Erase the answers of assignments that ran out of time; their slots are asked again by the market.

    Returns how many assignments ended so. Safe to repeat at any point.
    """
    now = w.clock()
    paying = [d["_id"] for d in await w.store.categories.all() if d["category"]["policy"].get("pay_unfinished")]
    ended = 0
    for identifier in await w.store.assignments.late(paying, now) if paying else ():
        ended += await _end(w, identifier)
    return ended + await w.store.assignments.erase_late(now)


async def _end(w: Winnow, identifier: str) -> bool:
    """Erase one assignment and write down what it earned, in one transaction; says whether this call did it."""
    now = w.clock()

    async def work(session: Session) -> bool:
        document = await w.store.assignments.erase(identifier, session)
        if document is None:
            return False
        slug, annotator = document["category"], document["annotator"]
        task = await w.store.tasks.get(document["task"])
        category = await w.store.categories.get(slug, session)
        policy = Category.model_validate(category["category"]).policy
        cents = earned(task, document, policy)
        # Whoever takes the same task again has been paid for it: once is enough.
        if not cents or await w.store.payments.has_bonus(slug, annotator, task.id, session):
            return True
        cost = policy.cost_for(cents)
        covered = cost <= policy.budget_cents - sum(category["money"].values())
        ledger = f"{identifier}:bonus"
        fields: Document = {
            "category": slug,
            "round": task.round,
            "hit": task.hit,
            "task": task.id,
            "annotator": annotator,
            "act": "bonus",
            "assignment": document["market_assignment"],
            "cents": cost,
            "bonus": cents,
            "reason": _reason(document),
        }
        await w.store.payments.intend(ledger, fields, now, session)
        if not covered:
            await w.store.payments.refused(ledger, NO_MONEY, now, session)
        await w.store.categories.count(slug, _counted(covered, cost), session)
        return True

    return await w.store.transact(work)


def earned(task: Task, document: Document, policy: Policy) -> int:
    """What an unfinished assignment earned in cents: the reward's share of what was answered.

    Nothing where the answers to hidden gold are strong evidence that nobody tried.
    """
    of = len(document["images"])
    answers = given(document, range(of))
    checked = [answer for answer in answers if answer.position >= document["lessons"] and answer.gold is not None]
    verdict = quality.verdict("", [a.value for a in checked], [bool(a.gold) for a in checked], policy)
    return task.reward_cents * len(answers) // of if verdict.pay else 0


def _counted(covered: bool, cost: int) -> dict[str, int]:
    return {"money.committed_cents": cost} if covered else {"bonuses.refused": 1}


def _reason(document: Document) -> str:
    done, of = len(document["answers"]), len(document["images"])
    return f"Your time ran out after {done} of {of} images: this pays for them."
