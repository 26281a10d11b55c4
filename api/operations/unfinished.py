"""Work that the time limit ended. Its answers are erased; where the policy says so, it is paid in proportion."""

from active_learning import quality, wages
from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from active_learning.domain.task import Task
from api.operations import bonuses
from api.operations.context import Winnow
from api.operations.labeling import given
from api.operations.wages import count_work
from api.store import Session
from api.store.connection import Document
from api.store.payments import UNFINISHED


async def erase(w: Winnow) -> int:
    """Erase the answers of assignments that ran out of time; their slots are asked again by the market.

    Returns how many assignments ended so. Safe to repeat at any point.
    """
    now = w.clock()
    ended = 0
    for identifier in await w.store.assignments.late(now):
        ended += await _end(w, identifier)
    return ended + await w.store.assignments.erase_late(now)


async def _end(w: Winnow, identifier: str) -> bool:
    """Erase one assignment and write down its work and what it earned, in one transaction; says whether this did it."""

    async def work(session: Session) -> bool:
        document = await w.store.assignments.erase(identifier, session)
        if document is None:
            return False
        slug, annotator = document["category"], document["annotator"]
        worked = wages.active_ms(answer.visible_ms for answer in given(document, range(len(document["images"]))))
        await w.store.assignments.put_work(identifier, worked, session)
        await count_work(w, slug, annotator, worked, session, finished=False)
        await _pay(w, document, session)
        return True

    return await w.store.transact(work)


async def _pay(w: Winnow, document: Document, session: Session) -> None:
    """Write down what an unfinished assignment earned, where the category's policy pays for it."""
    slug, annotator = document["category"], document["annotator"]
    category = await w.store.categories.get(slug, session)
    policy = Category.model_validate(category["category"]).policy
    if not policy.pay_unfinished:
        return
    task = await w.store.tasks.get(document["task"])
    cents = earned(task, document, policy)
    # Whoever takes the same task again has been paid for it: once is enough.
    if not cents or await w.store.payments.has_bonus(slug, annotator, task.id, session):
        return
    owed = bonuses.Owed(
        id=f"{document['_id']}{UNFINISHED}",
        annotator=annotator,
        market_assignment=document["market_assignment"],
        cents=cents,
        reason=_reason(document),
    )
    await bonuses.owe(w, task, owed, category, {"task": task.id}, session)


def earned(task: Task, document: Document, policy: Policy) -> int:
    """What an unfinished assignment earned in cents: the reward's share of what was answered.

    Nothing where the answers to hidden gold are strong evidence that nobody tried.
    """
    of = len(document["images"])
    answers = given(document, range(of))
    checked = [answer for answer in answers if answer.position >= document["lessons"] and answer.gold is not None]
    verdict = quality.verdict("", [a.value for a in checked], [bool(a.gold) for a in checked], policy)
    return task.reward_cents * len(answers) // of if verdict.pay else 0


def _reason(document: Document) -> str:
    done, of = len(document["answers"]), len(document["images"])
    return f"Your time ran out after {done} of {of} images: this pays for them."
