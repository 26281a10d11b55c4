"""From a submission at the market to a verdict and a payment. Paying and using are two decisions."""

import hmac
from collections.abc import Mapping, Set
from typing import Any, Literal

from active_learning import assembly, conduct, quality
from active_learning.domain.candidate import State
from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from active_learning.domain.submission import Submission
from active_learning.domain.task import Task
from active_learning.domain.value import Value
from active_learning.domain.verdict import Record, Verdict
from active_learning.wages import AWAY_MS
from api.operations import tokens, wages
from api.operations.context import Winnow
from api.operations.labeling import assignment_id
from api.store import Session
from api.store.connection import Document
from api.store.payments import Act, kind

NO_ANSWERS = "The HIT was submitted without any answers: none ever reached us."
PAID_ALREADY = "The market had paid before anybody decided."


NEVER_SUBMITTED = "Your answers have reached us, but the market never got your submit: this pays for them."

Arrival = Literal["expected", "unexpected", "unsubmitted"]
"""How a submission comes. For an unexpected one the budget holds no money yet: its task was closed, or is at the market
a second time. Of an unsubmitted one the market knows nothing, so that a bonus has to pay it."""

COUNTED: Mapping[Act, str] = {"approve": "submissions.approved", "bonus": "bonuses.paid"}
"""What is counted when the market has done an act; refusals are counted down again where they are taken back."""

ANNOTATED = "winnow:"

LONGEST_FEEDBACK = 1_000
"""Characters that every market takes as the reason of a refusal."""


class Payment(Value):
    """An act at the market that is written down and must now be done, once.

    ``cents`` is what it costs, the market's fee included; ``reward`` or ``bonus`` is what the annotator gets of it.
    ``override`` takes a refusal back.
    """

    id: str
    act: Act
    assignment: str
    annotator: str
    reason: str
    hit: str | None
    cents: int
    reward: int = 0
    bonus: int = 0
    override: bool = False


async def judge(w: Winnow, task: Task, market_assignment: str, annotator: str, arrival: Arrival = "expected") -> None:
    """Check a submission against its hidden gold, insert the verdict, and write down the payment that follows.

    Without a stored submission there is nothing to judge: the page stores it before the market hears of it, so
    somebody posted the market's form by hand. Repeating the call changes nothing.
    """
    identifier = assignment_id(market_assignment, annotator)
    submission = await w.store.submissions.get(identifier)
    category = await w.store.categories.definition(task.category)
    asked = 0 if submission is None else sum(answer.gold is None for answer in submission.answers)
    gone = await w.store.takedowns.images(() if submission is None else (a.image for a in submission.answers))
    worked = 0 if submission is None else await wages.worked(w, submission)

    at = w.clock() if submission is None else submission.submitted_at

    async def work(session: Session) -> None:
        earlier = await w.store.verdicts.record(task.category, annotator, session)
        verdict = (
            Verdict(submission=identifier, pay=False, use=False, p_effort=0.0, reason=NO_ANSWERS)
            if submission is None
            else check(submission, task, category.policy, earlier, gone)
        )
        if not await w.store.verdicts.insert(verdict, task.category, annotator, session):
            return
        act, fields = _act(w, task, category.policy, verdict, arrival)
        if verdict.pay or arrival != "unsubmitted":
            fields |= {"annotator": annotator} | ({"assignment": market_assignment} if act else {})
            await w.store.payments.intend(act or market_assignment, fields, w.clock(), session)
        if submission is not None:
            await wages.count_work(w, task.category, annotator, worked, session)
        if submission is not None and verdict.pay:
            await wages.top_up(w, task, submission, worked, session)
        sums = conduct.Tally() if submission is None else conduct.tally(submission, task.presumed is None)
        await w.store.workers.add(task.category, annotator, sums, verdict, at, session)
        counted = {"submissions.answers": asked, "submissions.excluded": int(not verdict.use)}
        if arrival == "unexpected" or (arrival == "unsubmitted" and verdict.pay):
            counted["money.committed_cents"] = fields["cents"]
        if submission is not None and verdict.use:
            looked = sum(min(answer.visible_ms, AWAY_MS) for answer in submission.answers)
            counted |= {"pace.answers": len(submission.answers), "pace.visible_ms": round(looked)}
        await w.store.categories.count(task.category, counted, session)
        await w.store.rounds.count(task.category, task.round, {"answers": asked}, session)

    await w.store.transact(work)


def _act(w: Winnow, task: Task, policy: Policy, verdict: Verdict, arrival: Arrival) -> tuple[str, dict[str, Any]]:
    """What is to be done at the market after a verdict, and its id in the ledger where that is not the assignment's."""
    fields = {"category": task.category, "round": task.round, "hit": task.hit, "task": task.id}
    if arrival == "unsubmitted":
        paid = {"act": "bonus", "bonus": task.reward_cents, "cents": policy.cost_for(task.reward_cents)}
        return f"{verdict.submission}:extra:reward", {**fields, **paid, "reason": NEVER_SUBMITTED}
    decided = {
        "act": "approve" if verdict.pay else "reject",
        "cents": cost_of(task, policy),
        "reward": task.reward_cents if verdict.pay else 0,
        "reason": verdict.reason if verdict.pay else with_appeal(w, verdict.submission, verdict.reason),
        "waits": not verdict.pay and policy.refusals == "by_hand",
    }
    return "", {**fields, **decided}


def with_appeal(w: Winnow, submission: str, reason: str) -> str:
    """A reason for a refusal with the address where its annotator can object: both fit into what a market takes."""
    way = f" If you think that this is wrong, tell us: {w.settings.public_url}/appeals/{tokens.appeal(w, submission)}"
    return reason[: LONGEST_FEEDBACK - len(way)] + way


def check(submission: Submission, task: Task, policy: Policy, earlier: Record, gone: Set[str] = frozenset()) -> Verdict:
    """Judge a submission by the gold in it, and by the earlier record where too little of the task's gold was new.

    Gold that was taken down (``gone``) checks nobody: its picture may have been missing.
    """
    checked = [(a.value, a.gold) for a in submission.answers if a.gold is not None and a.image not in gone]
    usual = min(assembly.LEAST_GOLD, len(task.slots) - len(task.asked))
    return quality.verdict(
        submission.id,
        [given for given, _ in checked],
        [known for _, known in checked],
        policy,
        earlier if len(checked) < usual else None,
    )


async def unpaid(w: Winnow, slug: str) -> list[Payment]:
    """Payments that are written down but not yet done at the market, also those of a process that died."""
    return [from_ledger(document) for document in await w.store.payments.undone(slug)]


def from_ledger(document: Document) -> Payment:
    """An entry of the ledger as what is to be done."""
    return Payment(
        id=document["_id"],
        act=document["act"],
        assignment=document.get("assignment", document["_id"]),
        annotator=document["annotator"],
        reason=document["reason"],
        hit=document["hit"],
        cents=document["cents"],
        reward=document.get("reward", 0),
        bonus=document.get("bonus", 0),
        override=document.get("override", False),
    )


async def settled(w: Winnow, slug: str, payment: Payment) -> None:
    """Note that the market has done a payment; the money counters follow in the same transaction."""

    async def work(session: Session) -> None:
        now = w.clock()
        if not await w.store.payments.done(payment.id, now, session):
            return
        spent, got = (0, 0) if payment.act == "reject" else (payment.cents, payment.bonus or payment.reward)
        changes = {
            **({COUNTED[payment.act]: 1} if payment.act in COUNTED else {}),
            "money.spent_cents": spent,
            "money.committed_cents": -payment.cents,
            "submissions.rejected": int(payment.act == "reject") - int(payment.override),
        }
        await w.store.categories.count(slug, changes, session)
        await wages.count_pay(w, slug, payment.annotator, got, session)
        day = now.date().isoformat()
        await w.store.spending.count(slug, day, kind(payment.id, payment.act), (spent, got), session)

    await w.store.transact(work)


async def refused(w: Winnow, slug: str, payment: Payment, why: str) -> None:
    """Note that the market will never do an act; its money is free again."""

    async def work(session: Session) -> None:
        if await w.store.payments.refused(payment.id, why, w.clock(), session):
            changes = {"bonuses.refused": int(payment.act == "bonus"), "money.committed_cents": -payment.cents}
            await w.store.categories.count(slug, changes, session)

    await w.store.transact(work)


async def paid_already(w: Winnow, slug: str, payment: Payment) -> None:
    """Note that a market had paid by itself what was to be refused: it had waited too long."""
    if await w.store.payments.get(f"{payment.id}:override") is not None:
        await settled(w, slug, payment)  # the refusal was taken back: that act has the money
        return
    entry = await w.store.payments.get(payment.id)
    reward = 0 if entry is None or "task" not in entry else (await w.store.tasks.get(entry["task"])).reward_cents
    await w.store.payments.turn(payment.id, {"act": "approve", "reward": reward, "reason": PAID_ALREADY})
    await settled(w, slug, payment.model_copy(update={"act": "approve", "reward": reward}))


def bonus_token(w: Winnow, payment: Payment) -> str:
    """What makes a bonus harmless to repeat, as :func:`token` does for a HIT."""
    return _token(w, payment.id)


def token(w: Winnow, task: Task) -> str:
    """What makes posting a task harmless to repeat: 40 hexadecimal digits, the same for the same task.

    The secret of this installation is part of it: another one on the same market account has tasks of the same names.
    """
    return _token(w, f"hit:{task.id}")


def annotation(w: Winnow, task: Task) -> str:
    """What only we read on the HIT of a task: which task of which installation it is."""
    return f"{ANNOTATED}{token(w, task)[:12]}:{task.id}"


def task_of(w: Winnow, annotation: str) -> str | None:
    """The task that an annotation names; ``None`` for that of another installation, or of another program."""
    mark, _, identifier = annotation.removeprefix(ANNOTATED).partition(":")
    ours = annotation.startswith(ANNOTATED) and mark == _token(w, f"hit:{identifier}")[:12]
    return identifier if ours else None


def _token(w: Winnow, what: str) -> str:
    return hmac.new(w.secret.encode(), what.encode(), "sha256").hexdigest()[:40]


async def promise(w: Winnow, task: Task) -> bool:
    """Hold the price of a draft in the budget, before it is posted. Where the budget does not cover it nobody is
    asked: the draft ends, and its images are open again with the next decision.

    Says whether the task may be posted. Repeating the call changes nothing.
    """

    async def work(session: Session) -> bool:
        if await w.store.tasks.is_held(task.id, session):
            return True
        document = await w.store.categories.get(task.category, session)
        policy = Category.model_validate(document["category"]).policy
        cost = cost_of(task, policy)
        price = task.assignments * cost
        if price <= policy.budget_cents - sum(int(cents) for cents in document["money"].values()):
            if not await w.store.tasks.hold(task.id, cost, session):
                return False
            await w.store.categories.count(task.category, {"money.committed_cents": price}, session)
            return True
        if await w.store.tasks.pass_over(task.id, session):
            await _to_people(w, task, session)
            passed_over.append(task.id)
        return False

    passed_over: list[str] = []
    covered = await w.store.transact(work)
    if not covered and passed_over:
        words = f"The budget does not cover {task.name}: nobody is asked"
        await w.store.happenings.note(w.clock(), words, task.category, "error")
    return covered


def cost_of(task: Task, policy: Policy) -> int:
    """What one assignment of a task costs: what the budget holds for it, whatever the policy has become since."""
    return task.held_cents or policy.cost_for(task.reward_cents, task.assignments)


async def posted(w: Winnow, task: Task, hit: str) -> None:
    """Note that a task is at the market: its images are with people, its price is committed."""
    cost = cost_of(task, (await w.store.categories.definition(task.category)).policy)

    async def work(session: Session) -> None:
        if await w.store.tasks.posted(task.id, hit, session):
            await _to_people(w, task, session)
            if await w.store.tasks.hold(task.id, cost, session):
                held = {"money.committed_cents": task.assignments * cost}
                await w.store.categories.count(task.category, held, session)

    await w.store.transact(work)


async def _to_people(w: Winnow, task: Task, session: Session) -> None:
    moved = await w.store.candidates.move(
        task.category, list(task.asked), State.SELECTED, State.POSTED, {}, session, only={"task": task.id}
    )
    await w.store.categories.count(task.category, {"counts.selected": -moved, "counts.posted": moved}, session)


async def closed(w: Winnow, task: Task, settled_assignments: int) -> None:
    """Note that nobody works on a task any more; money that was held for unused assignments is free again."""
    policy = (await w.store.categories.definition(task.category)).policy
    unused = task.assignments - settled_assignments

    async def work(session: Session) -> None:
        if await w.store.tasks.close(task.id, session):
            await w.store.categories.count(
                task.category,
                {"money.committed_cents": -unused * cost_of(task, policy)},
                session,
            )

    await w.store.transact(work)
