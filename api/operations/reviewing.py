"""What a person decides about somebody's work: pay, refuse, thank, block, invite again; and about flags.

Each act is written down first and done at the market by a job, with an id that makes a repeat harmless.
"""

from dataclasses import dataclass
from datetime import timedelta

from active_learning.domain.category import Category
from active_learning.domain.errors import BudgetExhausted, InputError, NotFound, StateError
from active_learning.domain.submission import Submission
from active_learning.domain.task import Task
from api.operations import settling, wages
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document
from api.store.workers import EVERYWHERE, FlagState, MarketAct

DECIDE_WITHIN = timedelta(days=2)
"""What nobody has decided by then is paid; markets would pay a day later by themselves."""

OVERRIDE_WITHIN = timedelta(days=29)
"""Markets take a refusal back for 30 days after the submission; later a bonus pays the reward."""

LONGEST_REASON = 700
LONGEST_SUBJECT, LONGEST_MESSAGE = 200, 4_000
LARGEST_BONUS_CENTS = 10_000
NOT_IN_TIME = "Nobody decided about this within two days, so it is paid."


def _market_assignment(submission: str) -> str:
    return submission.rpartition(":")[0]


async def _ledger(w: Winnow, submission: str) -> Document:
    """The act of the ledger that decided about a submission; raises :class:`NotFound` where there is none."""
    entry = await w.store.payments.get(_market_assignment(submission))
    if entry is None or submission != f"{entry['_id']}:{entry['annotator']}":
        raise NotFound("There is no such submission, or it has not been judged yet.", "Open it from the worker's page.")
    return entry


async def _task(w: Winnow, entry: Document) -> Task:
    if "task" in entry:
        return await w.store.tasks.get(entry["task"])
    return await w.store.tasks.at_market(entry["hit"])  # an entry of before, which did not name it


async def approve(w: Winnow, submission: str, by: str, note: str = "") -> bool:
    """Pay a submission: one that waits, or one that was refused. Says whether this call did it.

    Raises :class:`NotFound`, and :class:`BudgetExhausted` where a refusal is taken back that nothing is left to pay.
    """
    entry = await _ledger(w, submission)
    text = _reason(note or "We have looked at it again, and it is paid.")
    if entry.get("waits"):
        given = await w.store.submissions.get(submission)
        return await _release(w, entry, await _task(w, entry), given, {"act": "approve", "reason": text, "by": by})
    refused = await refusal(w, submission)
    if refused is None:
        return False

    async def work(session: Session) -> bool:
        return await take_back(w, refused, (by, text), session)

    return await w.store.transact(work)


@dataclass(frozen=True)
class Refusal:
    """A refused submission: its act in the ledger, its task, what was submitted (``None``: no answers came)."""

    entry: Document
    task: Task
    given: Submission | None


async def refusal(w: Winnow, submission: str) -> Refusal | None:
    """The refusal of a submission, ``None`` where it was not refused; raises :class:`NotFound` for an unknown one."""
    entry = await _ledger(w, submission)
    if entry["act"] != "reject" or entry.get("waits"):
        return None
    return Refusal(entry, await _task(w, entry), await w.store.submissions.get(submission))


async def take_back(w: Winnow, refused: Refusal, said: tuple[str, str], session: Session) -> bool:
    """Write down that a refused submission is paid after all, in the caller's transaction; ``said`` is (by, text).

    Where the market does not take a refusal back any more, a bonus pays the reward. Says whether this call did it.
    """
    entry, task, given = refused.entry, refused.task, refused.given
    assignment = entry["_id"]
    override, instead = f"{assignment}:override", f"{assignment}:{entry['annotator']}:extra:reward"
    tried = await w.store.payments.get(override, session)
    if await w.store.payments.get(instead, session) or (tried is not None and tried["refused_at"] is None):
        return False
    late = tried is not None or given is None or w.clock() > given.submitted_at + OVERRIDE_WITHIN
    reward = task.reward_cents
    people = 1 if late else task.assignments  # a bonus has the fee of a bonus
    cost = _covered(await w.store.categories.get(task.category, session), reward, people)
    fields: Document = {
        **{name: entry[name] for name in ("category", "round", "hit", "annotator")},
        "task": task.id,
        "assignment": assignment,
        "cents": cost,
        "by": said[0],
        "reason": said[1],
        **({"act": "bonus", "bonus": reward} if late else {"act": "approve", "reward": reward, "override": True}),
    }
    await w.store.payments.intend(instead if late else override, fields, w.clock(), session)
    await w.store.categories.count(task.category, {"money.committed_cents": cost}, session)
    if given is not None:
        await wages.top_up(w, task, given, await wages.worked(w, given), session)
    return True


async def not_taken_back(w: Winnow, slug: str, payment: settling.Payment, why: str) -> None:
    """Note that the market does not take a refusal back; in the same transaction a bonus is written down instead."""
    refused = await refusal(w, f"{payment.assignment}:{payment.annotator}")

    async def work(session: Session) -> None:
        if not await w.store.payments.refused(payment.id, why, w.clock(), session):
            return
        await w.store.categories.count(slug, {"money.committed_cents": -payment.cents}, session)
        if refused is not None:
            await take_back(w, refused, ("", payment.reason), session)

    await w.store.transact(work)


def _covered(document: Document, cents: int, people: int = 1) -> int:
    """What ``cents`` for somebody cost with the fee; raises :class:`BudgetExhausted` where the budget has no more."""
    policy = Category.model_validate(document["category"]).policy
    cost = policy.cost_for(cents, people)
    left = policy.budget_cents - sum(int(n) for n in document["money"].values())
    if cost > left:
        raise BudgetExhausted(
            f"This costs ${cost / 100:.2f} with the market's fee, and the budget of {document['_id']} has "
            f"${max(left, 0) / 100:.2f} left.",
            "Raise the category's budget, then do it again.",
        )
    return cost


async def _release(w: Winnow, entry: Document, task: Task, given: Submission | None, fields: Document) -> bool:
    """Let go of what waited; what is approved so may need topping up."""
    paid = fields["act"] == "approve"

    async def work(session: Session) -> bool:
        reward = task.reward_cents if paid else 0
        if not await w.store.payments.release(entry["_id"], {**fields, "reward": reward}, session):
            return False
        if paid and given is not None:
            await wages.top_up(w, task, given, await wages.worked(w, given), session)
        return True

    return await w.store.transact(work)


async def refuse(w: Winnow, submission: str, by: str, reason: str) -> bool:
    """Refuse pay for a submission that waits; its annotator reads the reason and where to object.

    Says whether this call did it. Raises :class:`StateError` for what is paid or about to be.
    """
    text = _reason(reason)
    if not text:
        raise InputError("A refusal needs a reason: the annotator reads it.", "Say what was wrong.")
    entry = await _ledger(w, submission)
    if not entry.get("waits"):
        if entry["act"] == "reject":
            return False
        raise StateError("This submission is paid, and what is paid cannot be taken back.", "Block the worker instead?")
    fields = {"act": "reject", "reason": settling.with_appeal(w, submission, text), "by": by}
    return await _release(w, entry, await _task(w, entry), None, fields)


def _reason(text: str) -> str:
    said = " ".join(text.split())
    if len(said) > LONGEST_REASON:
        raise InputError(f"The text has {len(said)} characters.", f"Use at most {LONGEST_REASON}.")
    return said


async def decide_overdue(w: Winnow, slug: str) -> int:
    """Pay what has waited too long for a person; returns how many."""
    paid = 0
    for entry in await w.store.payments.overdue(slug, w.clock() - DECIDE_WITHIN):
        given = await w.store.submissions.get(f"{entry['_id']}:{entry['annotator']}")
        fields = {"act": "approve", "reason": NOT_IN_TIME, "by": ""}
        paid += await _release(w, entry, await _task(w, entry), given, fields)
    return paid


async def bonus(w: Winnow, submission: str, number: int, cents: int, reason: str, by: str) -> bool:
    """Pay something extra for a submission, as its extra bonus ``number`` (1, 2, ...): a repeat pays nothing more.

    Raises :class:`StateError` where another bonus has that number, :class:`BudgetExhausted` where nothing is left.
    """
    text = _reason(reason)
    if not text:
        raise InputError("A bonus needs a reason: the annotator reads it.", "Say what it is for.")
    if not 1 <= cents <= LARGEST_BONUS_CENTS:
        raise InputError(f"A bonus is between $0.01 and ${LARGEST_BONUS_CENTS / 100:.0f}.", "Choose another amount.")
    entry = await _ledger(w, submission)
    identifier = f"{submission}:extra:{number}"

    async def work(session: Session) -> bool:
        before = await w.store.payments.get(identifier, session)
        if before is not None:
            if before["bonus"] == cents:
                return False
            raise StateError(
                f"Bonus {number} of this submission was ${before['bonus'] / 100:.2f}.", "Load the page again."
            )
        cost = _covered(await w.store.categories.get(entry["category"], session), cents)
        fields = {
            **{name: entry[name] for name in ("category", "round", "hit", "annotator")},
            **{"act": "bonus", "assignment": entry["_id"], "cents": cost, "bonus": cents, "reason": text, "by": by},
        }
        await w.store.payments.intend(identifier, fields, w.clock(), session)
        await w.store.categories.count(entry["category"], {"money.committed_cents": cost}, session)
        return True

    return await w.store.transact(work)


async def block(w: Winnow, annotator: str, reason: str, by: str) -> bool:
    """Offer somebody no more work, here and at the market; says whether this call did it."""
    text = _reason(reason)
    if not text:
        raise InputError(
            "A block needs a reason: others here will want to know it.", "Say why. The worker is not told."
        )
    await _known(w, annotator)

    async def work(session: Session) -> bool:
        if not await w.store.annotators.block(annotator, BLOCKED, w.clock(), session):
            return False
        await w.store.workers.put_blocked(annotator, True, session)
        await _at_market(w, "block", annotator, {"text": text, "by": by}, session)
        return True

    return await w.store.transact(work)


BLOCKED = "this project has no more work for you"


async def unblock(w: Winnow, annotator: str, by: str) -> bool:
    """Offer somebody work again; says whether this call did it."""
    await _known(w, annotator)

    async def work(session: Session) -> bool:
        if not await w.store.annotators.unblock(annotator, session):
            return False
        await w.store.workers.put_blocked(annotator, False, session)
        await _at_market(w, "unblock", annotator, {"text": "", "by": by}, session)
        return True

    return await w.store.transact(work)


async def invite(w: Winnow, annotator: str, number: int, subject: str, text: str, by: str) -> bool:
    """Write to somebody and ask them back where they were not asked any more, as act ``number`` about them.

    A repeat with the same number does nothing. Raises :class:`StateError` for somebody who is blocked.
    """
    subject, text = " ".join(subject.split()), text.strip()
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise InputError(f"A subject has 1 to {LONGEST_SUBJECT} characters.", "Say in a few words what it is about.")
    if not text or len(text) > LONGEST_MESSAGE:
        raise InputError(f"A message has 1 to {LONGEST_MESSAGE} characters.", "Say what you want to tell.")
    document = await _known(w, annotator)
    if document.get("blocked"):
        raise StateError("This worker is blocked.", "Unblock the worker first.")
    stopped = await w.store.annotators.of(annotator)

    async def work(session: Session) -> bool:
        fields = {"subject": subject, "text": text, "by": by}
        if not await _at_market(w, "notify", annotator, fields, session, number):
            return False
        for category in stopped:
            await _ask_again(w, category, annotator, session)
        return True

    return await w.store.transact(work)


async def stop_asking(w: Winnow, category: str, annotator: str, by: str) -> None:
    """Offer somebody no more tasks of one category; what they have submitted is settled as always."""
    await _known(w, annotator)
    await w.store.categories.get(category)
    reason = "somebody has looked at how you work on it and decided so"
    await w.store.annotators.stop_asking(category, {annotator}, reason, w.clock())


async def ask_again(w: Winnow, category: str, annotator: str, by: str) -> None:
    """Offer somebody tasks of a category again; what was unusable until now does not speak against it any more."""
    await _known(w, annotator)

    async def work(session: Session) -> None:
        await _ask_again(w, category, annotator, session)

    await w.store.transact(work)


async def _ask_again(w: Winnow, category: str, annotator: str, session: Session) -> None:
    sums = await w.store.workers.get(category, annotator) or {}
    so_far = (int(sums.get("used", 0)), int(sums.get("submissions", 0)) - int(sums.get("used", 0)))
    await w.store.annotators.ask_again(category, annotator, so_far, session)


async def _at_market(
    w: Winnow, act: MarketAct, annotator: str, fields: Document, session: Session, number: int | None = None
) -> bool:
    """Write down an act about somebody and queue the job that does it; says whether this call did it."""
    number = number or await w.store.market_acts.number(annotator) + 1
    identifier = f"{annotator}:{number}"
    if not await w.store.market_acts.intend(identifier, act, annotator, {**fields, "at": w.clock()}, session):
        return False
    await w.store.jobs.insert("tell", {"act": identifier}, w.clock(), session=session)
    return True


async def _known(w: Winnow, annotator: str) -> Document:
    document = await w.store.workers.get(EVERYWHERE, annotator)
    if document is None:
        raise NotFound(f"Nobody called '{annotator}' has submitted anything.", "The list of workers has everybody.")
    return document


async def decide_flag(w: Winnow, identifier: str, state: FlagState, by: str, note: str = "") -> None:
    """Confirm or dismiss a flag, or open it again. It pays and refuses nothing.

    Raises :class:`NotFound`, and :class:`InputError` where a flag is confirmed without a word.
    """
    text = _reason(note)
    if state == "confirmed" and not text:
        raise InputError("Say what you saw: a confirmed flag needs a note.", "A sentence is enough.")
    flag = await w.store.flags.get(identifier)
    if flag is None:
        raise NotFound("There is no such flag.", "The worker's page has all of them.")

    async def work(session: Session) -> None:
        before = await w.store.flags.decide(identifier, state, by, text, w.clock(), session)
        if before is not None:
            changes = {name: n for name, n in ((before, -1), (state, 1)) if name != "dismissed"}
            await w.store.workers.count_flags(flag["category"], flag["annotator"], changes, session)

    await w.store.transact(work)
