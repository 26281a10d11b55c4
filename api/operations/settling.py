"""From a submission at the market to a verdict and a payment. Paying and using are two decisions."""

import hmac
from typing import Any

from active_learning import quality
from active_learning.domain.candidate import State
from active_learning.domain.task import Task
from active_learning.domain.value import Value
from active_learning.domain.verdict import Verdict
from api.operations.context import Winnow
from api.operations.labeling import assignment_id
from api.store import Session

NO_ANSWERS = "The HIT was submitted without any answers: none ever reached us. Write to us if you think this is wrong."


class Payment(Value):
    """An act at the market that is written down and must now be done, once."""

    assignment: str
    act: str
    reason: str
    hit: str
    cents: int


async def judge(w: Winnow, task: Task, market_assignment: str, annotator: str) -> None:
    """Check a submission against its hidden gold, insert the verdict, and write down the payment that follows.

    Without a stored submission there is nothing to judge: the page stores it before the market hears of it, so
    somebody posted the market's form by hand. Repeating the call changes nothing.
    """
    identifier = assignment_id(market_assignment, annotator)
    submission = await w.store.submissions.get(identifier)
    category = await w.store.categories.definition(task.category)
    asked = 0
    if submission is None:
        verdict = Verdict(
            submission=identifier,
            pay=False,
            use=False,
            gold=0,
            correct=0,
            gold_yes=0,
            correct_yes=0,
            p_effort=0.0,
            reason=NO_ANSWERS,
        )
    else:
        gold = {slot.image: slot.gold for slot in task.slots if slot.gold is not None}
        asked = sum(answer.image not in gold for answer in submission.answers)
        checked = [(answer.value, gold[answer.image]) for answer in submission.answers if answer.image in gold]
        verdict = quality.verdict(
            identifier, [given for given, _ in checked], [known for _, known in checked], category.policy
        )

    async def work(session: Session) -> None:
        if not await w.store.verdicts.insert(verdict, task.category, annotator, session):
            return
        fields: dict[str, Any] = {
            "category": task.category,
            "round": task.round,
            "hit": task.hit,
            "annotator": annotator,
            "act": "approve" if verdict.pay else "reject",
            "cents": category.policy.cost_for(task.reward_cents),
            "reason": verdict.reason,
        }
        await w.store.payments.intend(market_assignment, fields, w.clock(), session)
        counted = {"submissions.answers": asked, "submissions.excluded": int(not verdict.use)}
        await w.store.categories.count(task.category, counted, session)
        await w.store.rounds.count(task.category, task.round, {"answers": asked}, session)

    await w.store.transact(work)


async def unpaid(w: Winnow, slug: str) -> list[Payment]:
    """Payments that are written down but not yet done at the market, also those of a process that died."""
    return [
        Payment(assignment=d["_id"], act=d["act"], reason=d["reason"], hit=d["hit"], cents=d["cents"])
        for d in await w.store.payments.undone(slug)
    ]


async def settled(w: Winnow, slug: str, payment: Payment) -> None:
    """Note that the market has done a payment; the money counters follow in the same transaction."""

    async def work(session: Session) -> None:
        if not await w.store.payments.done(payment.assignment, w.clock(), session):
            return
        approved = payment.act == "approve"
        changes = {
            "submissions.approved": int(approved),
            "submissions.rejected": int(not approved),
            "money.spent_cents": payment.cents if approved else 0,
            "money.committed_cents": -payment.cents,
        }
        await w.store.categories.count(slug, changes, session)

    await w.store.transact(work)


def token(w: Winnow, task: Task) -> str:
    """What makes posting a task harmless to repeat: 40 hexadecimal digits, the same for the same task.

    The secret of this installation is part of it: another one on the same market account has tasks of the same names.
    """
    return hmac.new(w.secret.encode(), f"hit:{task.id}".encode(), "sha256").hexdigest()[:40]


async def posted(w: Winnow, task: Task, hit: str) -> None:
    """Note that a task is at the market: its images are with people, its price is committed."""
    policy = (await w.store.categories.definition(task.category)).policy

    async def work(session: Session) -> None:
        if await w.store.tasks.posted(task.id, hit, session):
            moved = await w.store.candidates.move(
                task.category, list(task.asked), State.SELECTED, State.POSTED, {}, session, only={"task": task.id}
            )
            changes = {
                "counts.selected": -moved,
                "counts.posted": moved,
                "money.committed_cents": task.assignments * policy.cost_for(task.reward_cents),
            }
            await w.store.categories.count(task.category, changes, session)

    await w.store.transact(work)


async def closed(w: Winnow, task: Task, settled_assignments: int) -> None:
    """Note that nobody works on a task any more; money that was held for unused assignments is free again."""
    policy = (await w.store.categories.definition(task.category)).policy
    unused = task.assignments - settled_assignments

    async def work(session: Session) -> None:
        if await w.store.tasks.close(task.id, session):
            await w.store.categories.count(
                task.category, {"money.committed_cents": -unused * policy.cost_for(task.reward_cents)}, session
            )

    await w.store.transact(work)
