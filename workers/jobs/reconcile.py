"""Compare our ledger with the market's, and mend both: what only one side knows, the other one learns."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from active_learning.domain.errors import BudgetExhausted, Forbidden, InputError, NotFound, StateError, WinnowError
from active_learning.domain.task import Task, TaskState
from api.operations import mending, reconciling, settling
from api.operations.reconciling import Difference, Kind, TheirBonus, TheirHit, TheirWork
from workers.jobs import collect
from workers.jobs.desk import Desk

WRONG_ACCOUNT = "The market knows none of our HITs: is this the right account? Nothing was changed."


@dataclass(frozen=True)
class Reconciled:
    """HITs of ours that the market has, those that were looked into, and what differed."""

    hits: int
    looked: int
    found: tuple[Difference, ...]


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Compare and mend every category. ``args`` is empty: one list of HITs is enough. Safe to repeat at any point."""
    slugs = [document["_id"] for document in await desk.winnow.store.categories.all()]
    async for there, slug, hits in at_markets(desk, slugs):
        await reconcile(there, slug, hits)


async def at_markets(desk: Desk, slugs: Sequence[str]) -> AsyncIterator[tuple[Desk, str, Sequence[TheirHit]]]:
    """Each category with the desk at its market and the HITs there; a market is asked once for all its categories.

    One that does not answer, or is not set up, keeps nobody else waiting: the first such error is raised at the end.
    """
    at: dict[str, list[str]] = defaultdict(list)
    for slug in slugs:
        at[(await desk.winnow.store.categories.definition(slug)).market].append(slug)
    failed: WinnowError | None = None
    for several in at.values():
        try:
            there = await desk.of(several[0])
            hits = await posted_there(there)
        except WinnowError as error:
            failed = failed or error
            continue
        for slug in several:
            yield there, slug, hits
    if failed is not None:
        raise failed


async def reconcile(
    desk: Desk, slug: str, hits: Sequence[TheirHit], *, mend: bool = True, grace: timedelta | None = None
) -> Reconciled:
    """Compare one category with ``hits`` and mend what differs; without ``mend`` nothing is changed anywhere.

    Submissions and payments are read there after here: what happens meanwhile makes the market newer, and nothing is
    taken back for being newer. Raises :class:`MarketUnavailable`, and :class:`NotFound` for an unknown category.
    """
    w = desk.winnow
    await w.store.categories.get(slug)
    before = w.clock() - (reconciling.grace(w) if grace is None else grace)
    books = await reconciling.books(w, slug)
    found = [
        await _mend(desk, one, bool(hits)) if mend else one
        for one in reconciling.compare_hits(slug, books.tasks, hits)
        if one.kind is not Kind.GONE or await _gone(desk, one.hit)
    ]
    doubted = {one.hit for one in found}
    looked, ours = 0, sum(hit.task in books.tasks for hit in hits)
    for hit in hits:
        if hit.task in books.tasks and not books.agreed(hit):
            side = await _side(desk, slug, hit, before)
            differing = list(reconciling.compare_work(side))
            found += [await _mend(desk, one) if mend else one for one in differing]
            looked += 1
            known = hit.hit not in doubted and all(one.kind in reconciling.FOR_PEOPLE for one in differing)
            if mend and known and side.settled:
                now = reconciling.sign(hit, reconciling.counted(side.entries))
                await w.store.reconciliations.agree(slug, hit.hit, now, w.clock())
    for one in await reconciling.unsubmitted(w, slug, before):
        if all(given.id != one.assignment for given in await desk.market.assignments(one.hit)):
            found.append(await _mend(desk, one) if mend else one)
    if mend:
        await reconciling.keep(w, slug, ours, looked, found)
    return Reconciled(ours, looked, tuple(found))


async def posted_there(desk: Desk) -> list[TheirHit]:
    """The HITs at the market that this installation has posted."""
    found = []
    for status in await desk.market.find(settling.ANNOTATED):
        task = settling.task_of(desk.winnow, status.annotation)
        if task is not None and status.state != "disposed":
            found.append(
                TheirHit(
                    hit=status.hit,
                    task=task,
                    state=status.state,
                    places=status.available,
                    pending=status.pending,
                    completed=status.completed,
                    most=status.max_assignments,
                )
            )
    return found


async def _gone(desk: Desk, hit: str) -> bool:
    """Whether the market has really forgotten a HIT: its lists may be late."""
    try:
        return (await desk.market.status(hit)).state == "disposed"
    except NotFound:
        return True


async def _side(desk: Desk, slug: str, hit: TheirHit, before: datetime) -> reconciling.Side:
    entries = await desk.winnow.store.payments.of_hit(slug, hit.hit)
    work = [
        TheirWork(id=one.id, annotator=one.annotator, state=one.state, at=one.submitted_at)
        for one in await desk.market.assignments(hit.hit)
    ]
    paid = await desk.market.bonuses(hit.hit) if work or entries else []
    bonuses = [TheirBonus.model_validate(one.model_dump()) for one in paid]
    tokens = reconciling.tokens(desk.winnow, entries)
    return reconciling.Side(hit, entries, work, bonuses, tokens, before)


async def _mend(desk: Desk, found: Difference, known: bool = True) -> Difference:
    """Do what helps against a difference, and say how it went."""
    if found.kind is Kind.GONE and not known:
        return found.model_copy(update={"outcome": WRONG_ACCOUNT})
    act, outcome = MENDS[found.kind]
    try:
        await act(desk, found)
    except (StateError, InputError, NotFound, Forbidden, BudgetExhausted) as error:
        return found.model_copy(update={"outcome": f"Not mended: {error}"})
    return found.model_copy(update={"mended": found.kind not in reconciling.FOR_PEOPLE, "outcome": outcome})


async def _adopt(desk: Desk, found: Difference) -> None:
    await settling.posted(desk.winnow, await _task(desk, found), found.hit)


async def _expire(desk: Desk, found: Difference) -> None:
    """Let nobody start on a HIT, unless its task has become this HIT while we looked."""
    now = await desk.winnow.store.tasks.many([found.task])
    if not any(task.hit == found.hit and task.state is TaskState.POSTED for task in now):
        await desk.market.expire(found.hit)


async def _forget(desk: Desk, found: Difference) -> None:
    await mending.hit_gone(desk.winnow, await _task(desk, found))


async def _judge(desk: Desk, found: Difference) -> None:
    task = await _task(desk, found)
    arrival: settling.Arrival = "expected"
    if found.kind is Kind.UNSUBMITTED:
        arrival = "unsubmitted"
    elif task.state is not TaskState.POSTED or task.hit != found.hit:
        arrival = "unexpected"
    of_this_hit = task.model_copy(update={"hit": found.hit})
    await settling.judge(desk.winnow, of_this_hit, found.assignment, found.annotator, arrival)
    await collect.pay(desk, task.category)
    await collect.pay_bonuses(desk, task.category)


async def _pay(desk: Desk, found: Difference) -> None:
    """Approve what we have decided to pay; where the market has refused it, that is taken back."""
    entry = await desk.winnow.store.payments.get(found.entry)
    overriding = found.kind is Kind.REFUSED or await _override(desk, found)
    await desk.market.approve(found.assignment, "" if entry is None else entry["reason"], override=overriding)
    await _note(desk, found)


async def _override(desk: Desk, found: Difference) -> bool:
    return await desk.winnow.store.payments.get(f"{found.entry}:override") is not None


async def _note(desk: Desk, found: Difference) -> None:
    """Mark as done whatever of a submission was still to be done."""
    task = await _task(desk, found)
    for identifier in (found.entry, f"{found.entry}:override"):
        entry = await desk.winnow.store.payments.get(identifier)
        if entry is not None:
            await settling.settled(desk.winnow, task.category, settling.from_ledger(entry))


async def _refuse(desk: Desk, found: Difference) -> None:
    entry = await desk.winnow.store.payments.get(found.entry)
    await desk.market.reject(found.assignment, "" if entry is None else entry["reason"])
    await _note(desk, found)


async def _paid(desk: Desk, found: Difference) -> None:
    await mending.paid_there(desk.winnow, await _task(desk, found), found)


async def _refused(desk: Desk, found: Difference) -> None:
    """The market has refused what we pay: that is taken back. Whether to pay what is undecided was decided there."""
    entry = await desk.winnow.store.payments.get(found.entry)
    pays = entry is not None and entry["act"] == "approve" and not entry.get("waits")
    if pays or await _override(desk, found):
        await _pay(desk, found)
    else:
        await mending.refused_there(desk.winnow, (await _task(desk, found)).category, found)


async def _bonus_there(desk: Desk, found: Difference) -> None:
    await mending.bonus_there(desk.winnow, (await _task(desk, found)).category, found)


async def _bonus_again(desk: Desk, found: Difference) -> None:
    entry = await desk.winnow.store.payments.get(found.entry)
    if entry is not None:
        bonus = settling.from_ledger(entry)
        token = settling.bonus_token(desk.winnow, bonus)
        await desk.market.bonus(bonus.annotator, bonus.assignment, bonus.bonus, bonus.reason, token)


async def _bonus_unknown(desk: Desk, found: Difference) -> None:
    await mending.bonus_unknown(desk.winnow, await _task(desk, found), found)


async def _tell(desk: Desk, found: Difference) -> None:
    """A person has to look: what was paid cannot be taken back."""


async def _task(desk: Desk, found: Difference) -> Task:
    return await desk.winnow.store.tasks.get(found.task)


MENDS: Mapping[Kind, tuple[Callable[[Desk, Difference], Awaitable[None]], str]] = {
    Kind.LOST: (_adopt, "Taken over as the task's HIT."),
    Kind.SECOND: (_expire, "Expired there; who has worked on it is paid."),
    Kind.STRAY: (_expire, "Expired there; the market pays what was submitted after its delay."),
    Kind.OPEN: (_expire, "Expired there."),
    Kind.GONE: (_forget, "Closed here; its images are open again with the next decision."),
    Kind.SUBMITTED: (_judge, "Checked and settled."),
    Kind.UNSUBMITTED: (_judge, "Checked; what it earned is paid as a bonus."),
    Kind.UNPAID: (_pay, "Paid there."),
    Kind.UNREFUSED: (_refuse, "Refused there."),
    Kind.PAID: (_paid, "Written down as paid."),
    Kind.REFUSED: (_refused, "Decided as the one side that pays, or the one that had decided."),
    Kind.TWICE: (_tell, "What was paid stays paid; the ledger has both."),
    Kind.BONUS_PAID: (_bonus_there, "Written down as paid."),
    Kind.BONUS_MISSING: (_bonus_again, "Paid there, with the same token."),
    Kind.BONUS_UNKNOWN: (_bonus_unknown, "Written down, at the expense of the category's budget."),
    Kind.BONUS_TWICE: (_tell, "Somebody has to look: what was paid cannot be taken back."),
}
