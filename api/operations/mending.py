"""What our ledger takes over from a market that knows more: each once, however often it is asked for."""

from active_learning.domain.errors import NotFound
from active_learning.domain.task import Task
from api.operations import settling
from api.operations.context import Winnow
from api.operations.reconciling import Difference
from api.store import Session
from api.store.connection import Document

GONE = "The market does not know it any more."
SEEN_THERE = "Found at the market, which had paid it."


async def hit_gone(w: Winnow, task: Task) -> None:
    """Close a task whose HIT the market has forgotten; what was still to be done there never will be."""
    entries = await w.store.payments.of_hit(task.category, str(task.hit))
    decided = sum(entry["act"] != "bonus" and not entry.get("override") for entry in entries)
    await settling.closed(w, task, decided)
    await w.store.markets.forget_hit(task.id)
    for entry in entries:
        if entry["done_at"] is None and entry["refused_at"] is None:
            await w.store.payments.turn(entry["_id"], {})
            await settling.refused(w, task.category, settling.from_ledger(entry), GONE)


async def paid_there(w: Winnow, task: Task, found: Difference) -> None:
    """Write down that the market has paid a submission that was waiting here, or refused."""
    slug = task.category
    main = await _entry(w, found.entry)
    override = await w.store.payments.get(f"{found.entry}:override")
    if main["done_at"] is None and override is None:
        if main["act"] == "approve" and not main.get("waits"):
            await settling.settled(w, slug, settling.from_ledger(main))
        else:
            await settling.paid_already(w, slug, settling.from_ledger(main))
        return
    if main["act"] == "reject":
        await _refusal_over(w, task, main)
        await settling.settled(w, slug, settling.from_ledger(await _entry(w, f"{found.entry}:override")))


async def _refusal_over(w: Winnow, task: Task, main: Document) -> None:
    """Have an act in the ledger that takes a refusal back, and no bonus beside it that would pay a second time."""
    override, instead = f"{main['_id']}:override", f"{main['_id']}:{main['annotator']}:extra:reward"
    fields: Document = {
        **{name: main[name] for name in ("category", "round", "hit", "annotator", "cents")},
        **{"task": task.id, "assignment": main["_id"], "act": "approve", "override": True},
        **{"reward": task.reward_cents, "reason": SEEN_THERE, "by": ""},
    }

    async def work(session: Session) -> None:
        changes = {"money.committed_cents": 0, "bonuses.refused": 0}
        before = await w.store.payments.get(override, session)
        if before is None:
            await w.store.payments.intend(override, fields, w.clock(), session)
        if before is None or (
            before["refused_at"] and await w.store.payments.reopen(override, before["refused"], session)
        ):
            changes["money.committed_cents"] += main["cents"]
        bonus = await w.store.payments.get(instead, session)
        if bonus is not None and await w.store.payments.refused(instead, SEEN_THERE, w.clock(), session):
            changes["money.committed_cents"] -= bonus["cents"]
            changes["bonuses.refused"] += 1
        await w.store.categories.count(task.category, changes, session)

    await w.store.transact(work)


async def refused_there(w: Winnow, slug: str, found: Difference) -> None:
    """Write down that the market has refused a submission that waited here, or was about to be refused."""
    main = await _entry(w, found.entry)
    await w.store.payments.turn(main["_id"], {"act": "reject", "reward": 0})
    await settling.settled(w, slug, settling.from_ledger(await _entry(w, found.entry)))


async def bonus_there(w: Winnow, slug: str, found: Difference) -> None:
    """Write down that the market has paid a bonus that was open here, or noted as refused."""
    entry = await _entry(w, found.entry)

    async def work(session: Session) -> None:
        if entry["refused_at"] and await w.store.payments.reopen(entry["_id"], entry["refused"], session):
            changes = {"bonuses.refused": -1, "money.committed_cents": entry["cents"]}
            await w.store.categories.count(slug, changes, session)

    await w.store.transact(work)
    await settling.settled(w, slug, settling.from_ledger(entry))


async def bonus_unknown(w: Winnow, task: Task, found: Difference) -> None:
    """Take a bonus into the ledger that somebody has paid at the market's own site: it is the category's money."""
    policy = (await w.store.categories.definition(task.category)).policy
    cost = policy.cost_for(found.cents)

    async def work(session: Session) -> None:
        if await w.store.payments.get(found.entry, session) is not None:
            return
        fields: Document = {
            **{"category": task.category, "round": task.round, "hit": found.hit, "annotator": found.annotator},
            **{"act": "bonus", "assignment": found.assignment, "cents": cost, "bonus": found.cents},
            **{"reason": SEEN_THERE, "by": "", "there": True},
        }
        await w.store.payments.intend(found.entry, fields, w.clock(), session)
        await w.store.categories.count(task.category, {"money.committed_cents": cost}, session)

    await w.store.transact(work)
    await settling.settled(w, task.category, settling.from_ledger(await _entry(w, found.entry)))


async def _entry(w: Winnow, identifier: str) -> Document:
    entry = await w.store.payments.get(identifier)
    if entry is None:
        raise NotFound(f"There is no act '{identifier}' in the ledger.", "Was it erased while this ran?")
    return entry
