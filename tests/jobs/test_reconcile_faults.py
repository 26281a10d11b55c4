"""Two hundred HITs at a market that says it failed when it did not, with notifications that get lost: all is paid once.

Processes die in the middle, notes are lost, somebody acts at the market's own site. The chance is seeded.
"""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from active_learning.domain.task import TaskState
from api.operations import recounting, reviewing, settling
from api.operations.reconciling import Kind
from api.store.connection import Document
from tests.api.working import SLUG
from tests.jobs.faults import Campaign, Luck, campaign
from workers.jobs import collect
from workers.jobs.reconcile import Reconciled, posted_there, reconcile

HITS, SEED = 200, 20261128
MEDDLED = 12
REWARD, COST = 5, 6
CHAOS = f"seed={SEED},fail_after_commit=0.05,lose=0.2,double=0.2,reorder=0.2"


async def compared(world: Campaign) -> Reconciled:
    return await reconcile(world.desk, SLUG, await posted_there(world.desk), grace=timedelta())


async def posted(world: Campaign) -> None:
    """Every task is posted by processes that die; then our database forgets a few HITs, as after a restored backup."""
    for _ in range(3):
        await world.dies_while_it_collects(0.5)
    await collect.run(world.desk, {"category": SLUG})
    tasks = await world.tasks()
    assert len(tasks) == HITS and {task.state for task in tasks} == {TaskState.POSTED}
    nothing = {"state": TaskState.DRAFTED.value, "hit": None}
    forgotten = [task.id for task in tasks[::20]]
    await world.w.store.tasks.collection.update_many({"_id": {"$in": forgotten}}, {"$set": nothing})


async def worked(world: Campaign, todo: list[tuple[str, str]], chance: random.Random) -> list[str]:
    """Everybody does one HIT; a tenth only posts the market's form, without an answer. Gives the assignments."""
    room = asyncio.Semaphore(8)
    lazy = {task for task, _ in todo if chance.random() < 0.1}

    async def one(task: str, hit: str) -> str:
        async with room:
            return await world.works(task, hit, task not in lazy)

    return await asyncio.gather(*(one(*what) for what in todo))


def meddled(world: Campaign, assignments: list[str]) -> None:
    """Somebody approves, rejects and gives bonuses at the market's own site."""
    requester = world.requester()
    for assignment in assignments[:4]:
        requester.approve_assignment(AssignmentId=assignment)
    for assignment in assignments[4:8]:
        requester.reject_assignment(AssignmentId=assignment, RequesterFeedback="Too quick.")
    for assignment in assignments[8:12]:
        worker = requester.get_assignment(AssignmentId=assignment)["Assignment"]["WorkerId"]
        requester.send_bonus(WorkerId=worker, AssignmentId=assignment, BonusAmount="0.10", Reason="Thank you.")


async def owed(world: Campaign) -> int:
    """Bonuses that somebody gives on Winnow's pages; returns how many."""
    paid = await world.w.store.payments.collection.find({"act": "approve", "done_at": {"$ne": None}}).to_list()
    for entry in paid[:20]:
        await reviewing.bonus(world.w, f"{entry['_id']}:{entry['annotator']}", 1, 20, "Well done.", "ann")
    return len(paid[:20])


async def test_after_two_polling_cycles_both_ledgers_agree(mongod_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, luck = random.Random(SEED), Luck(monkeypatch)
    async with campaign(mongod_uri, HITS, CHAOS, reward_cents=REWARD, budget_cents=5_000) as world:
        await posted(world)
        hits = {settling.task_of(world.w, one.annotation): one.hit for one in await world.desk.market.find("winnow:")}
        todo = [(str(task), hit) for task, hit in hits.items()]
        async with world.listening() as runs:
            heard = await worked(world, todo[MEDDLED:], chance)
        unheard = await worked(world, todo[:MEDDLED], chance)
        luck.good = True
        meddled(world, unheard)
        luck.good = False
        given = await owed(world)
        await world.dies_while_it_collects(0.5)

        found: Counter[Kind] = Counter()
        for _ in range(2):
            await collect.run(world.desk, {"category": SLUG})
            found += Counter(one.kind for one in (await compared(world)).found)
        assert found[Kind.BONUS_UNKNOWN] == 4
        assert runs, "no notification has arrived"
        assert min(luck.bad[switch] for switch in ("fail_after_commit", "lose", "double", "reorder")) > 20, luck.bad
        await agreed(world, [*heard, *unheard], given)


async def agreed(world: Campaign, assignments: list[str], given: int) -> None:
    """Every HIT exists once, every payment exists once, and both sides say the same to the cent."""
    assert (await compared(world)).found == ()
    assert (await compared(world)).looked == 0
    assert await recounting.differences(world.w, SLUG) == {}
    there = await world.desk.market.find("winnow:")
    assert Counter(settling.task_of(world.w, one.annotation) for one in there) == Counter(
        task.id for task in await world.tasks()
    )
    assert {task.state for task in await world.tasks()} == {TaskState.CLOSED}

    ours: list[Document] = await world.w.store.payments.collection.find({}).to_list()
    assert all(entry["done_at"] and not entry["refused_at"] for entry in ours)
    theirs = {entry["_id"] for entry in await world.at_market("ledger")}
    paid = {entry["assignment"] if ":" in entry["_id"] else entry["_id"] for entry in ours if entry["act"] == "approve"}
    assert paid == {name.removeprefix("pay:") for name in theirs if name.startswith("pay:")}
    assert paid < set(assignments) and len(paid) > 0.8 * HITS
    bonuses = [entry for entry in ours if entry["act"] == "bonus"]
    assert len(bonuses) == sum(name.startswith("bonus:") for name in theirs) == given + 4

    [account] = await world.at_market("accounts")
    spent, promised, *_ = await world.counters()
    assert spent == account["paid"] + account["fees"] == len(paid) * COST + given * 24 + 4 * 12
    assert (promised, account["on_hold"]) == (0, 0)
    assert spent <= 5_000
