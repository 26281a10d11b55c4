"""Our ledger and a real marketplace's, made to differ in every way that we know of: one run, and both agree again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from active_learning.domain.errors import MarketUnavailable
from active_learning.domain.task import TaskState
from api.operations import intake, labeling, recounting, settling
from api.operations.reconciling import Kind
from deploy.commands import app
from tests import factories
from tests.api.working import SLUG
from tests.jobs.posted import World, posted
from tests.turk.served import free_port
from workers.jobs import collect
from workers.jobs.reconcile import Reconciled, posted_there, reconcile, run
from workers.market import requester_api
from workers.market.mturk import MTurkMarket

PRICE = 108
AT_ONCE = timedelta()


@pytest_asyncio.fixture
async def world(mongod_uri: str) -> AsyncIterator[World]:
    """One task for eight people, 90 cents each."""
    async with posted(mongod_uri, redundancy=8, max_votes=8, budget_cents=5_000) as opened:
        yield opened


async def compared(world: World, mend: bool = True) -> Reconciled:
    return await reconcile(world.desk, SLUG, await posted_there(world.desk), mend=mend, grace=AT_ONCE)


async def later(world: World) -> Reconciled:
    """As the job does it."""
    return await reconcile(world.desk, SLUG, await posted_there(world.desk))


async def mended(world: World, *kinds: Kind) -> None:
    """One run finds just these differences and mends them; another one finds nothing, a third has nothing to look at.

    What is promised is what people can still earn and what is still to be paid.
    """
    dry = await compared(world, mend=False)
    assert sorted(one.kind for one in dry.found) == sorted(kinds)
    found = (await compared(world)).found
    assert sorted(one.kind for one in found) == sorted(kinds)
    assert all(one.mended and one.outcome for one in found), found
    assert (await compared(world)).found == ()
    assert await recounting.differences(world.w, SLUG) == {}
    task, ledger = await world.task(), await world.w.store.payments.collection.find({}).to_list()
    open_acts = [entry for entry in ledger if entry["done_at"] is None and entry["refused_at"] is None]
    rewards = [entry for entry in ledger if entry["hit"] == task.hit and ":" not in entry["_id"]]
    places = task.assignments - len(rewards) if task.state is TaskState.POSTED else 0
    assert (await world.counters())[1] == places * PRICE + sum(entry["cents"] for entry in open_acts)


async def judged(world: World, name: str, right: int = 10) -> str:
    """Somebody has submitted, and what is to be done is written down but not done; gives the market's assignment."""
    worker, submission = await world.finishes(name, right)
    assignment = submission.partition(":")[0]
    await settling.judge(world.w, await world.task(), assignment, worker.id)
    return assignment


async def noted(world: World, assignment: str) -> None:
    """Our ledger says that it was done, and the market has never heard of it."""
    [entry] = [one for one in await settling.unpaid(world.w, SLUG) if one.id == assignment]
    await settling.settled(world.w, SLUG, entry)


async def there(world: World, assignment: str) -> str:
    return world.at_the_market(f"{assignment}:")[0]


async def posts(world: World, task: str, token: str) -> str:
    """A HIT for a task, as a program posts it that does not look for an earlier one."""
    now = await world.task()
    reply = world.requester().create_hit(
        Title=f"Again {token}",
        Description="Images.",
        Reward="0.90",
        MaxAssignments=2,
        LifetimeInSeconds=3600,
        AssignmentDurationInSeconds=1800,
        AutoApprovalDelayInSeconds=86_400,
        Question=requester_api.external_question(f"http://127.0.0.1:1/tasks/{task}"),
        RequesterAnnotation=settling.annotation(world.w, now.model_copy(update={"id": task})),
        UniqueRequestToken=token,
    )
    return str(reply["HIT"]["HITId"])


async def test_hits_that_only_one_side_knows(world: World) -> None:
    task = await world.task()
    for other in ("winnow:", f"winnow:000000000000:{task.id}", "of another program"):
        assert settling.task_of(world.w, other) is None
    await mended(world)
    fields = {"state": TaskState.DRAFTED.value, "hit": None}
    await world.w.store.tasks.collection.update_one({"_id": task.id}, {"$set": fields})
    await mended(world, Kind.LOST)
    assert (await world.task()).hit == task.hit

    second = await posts(world, task.id, "second")
    stray = await posts(world, f"{SLUG}-r9-w1-t1", "stray")
    foreign = await posts(world, "cars-r1-w1-t1", "of another category")
    worker = world.site.worker("Ada")
    assignment = worker.accept(second)
    await mended(world, Kind.SECOND, Kind.STRAY)
    assert [(await world.desk.market.status(hit)).available for hit in (second, stray, foreign, str(task.hit))] == [
        *(0, 0, 2),
        8,
    ]
    assert worker.submit(assignment).status_code == 200
    await mended(world, Kind.SUBMITTED)
    assert await there(world, assignment) == "Rejected", "no answers ever reached us"


async def test_work_for_a_task_that_we_had_closed_is_paid(world: World) -> None:
    worker, assignment = await world.begins("Ada", 32)
    task = await world.task()
    await settling.closed(world.w, task, 0)
    await mended(world, Kind.OPEN)
    assert (await world.desk.market.status(str(task.hit))).available == 0
    opened = await labeling.open_assignment(world.w, task.id, assignment, worker.id, "")
    await labeling.submit(world.w, opened.token, (1280, 800))
    assert worker.submit(assignment).status_code == 200
    await mended(world, Kind.SUBMITTED)
    assert await there(world, assignment) == "Approved"
    assert (await world.counters())[:2] == (PRICE, 0)


async def test_work_that_was_finished_here_and_never_submitted_there_is_paid(world: World) -> None:
    task = await world.task()
    submissions = []
    for name, right in (("Ada", 10), ("Bob", 1)):
        worker, assignment = await world.begins(name, 32, right)
        opened = await labeling.open_assignment(world.w, task.id, assignment, worker.id, "")
        await labeling.submit(world.w, opened.token, (1280, 800))
        submissions.append(f"{assignment}:{worker.id}")
    await mended(world)
    await world.time_passes()
    await mended(world, Kind.UNSUBMITTED, Kind.UNSUBMITTED)
    assert [world.paid_at_the_market(one.partition(":")[0]) for one in submissions] == [["0.90"], []]
    assert await world.w.store.verdicts.used(SLUG) == submissions[:1]
    assert (await world.counters())[:2] == (PRICE, 8 * PRICE), "their places are free again"


async def test_a_hit_that_expires_with_people_at_work_waits_for_them(world: World) -> None:
    worker, assignment = await world.begins("Ada", 32)
    task = await world.task()
    await world.desk.market.expire(str(task.hit))
    await mended(world)
    await world.collected()
    assert (await world.task()).state is TaskState.POSTED
    opened = await labeling.open_assignment(world.w, task.id, assignment, worker.id, "")
    await labeling.submit(world.w, opened.token, (1280, 800))
    assert worker.submit(assignment).status_code == 200
    await mended(world, Kind.SUBMITTED)
    await world.collected()
    assert (await world.task()).state is TaskState.CLOSED
    assert (await world.counters())[:2] == (PRICE, 0)


async def test_several_processes_at_once_pay_once(world: World) -> None:
    first, second, third = [await judged(world, name) for name in ("Ada", "Bob", "Cleo")]
    await noted(world, first)
    world.requester().approve_assignment(AssignmentId=second)
    args = {"category": SLUG}
    await asyncio.gather(*(compared(world) for _ in range(3)), *(collect.run(world.desk, args) for _ in range(3)))
    await mended(world)
    assert [await there(world, one) for one in (first, second, third)] == ["Approved"] * 3
    assert (await world.counters())[0] == 3 * PRICE


async def test_decisions_that_only_one_side_knows(world: World) -> None:
    open_here, lost, refused_by_hand, unrefused = [
        await judged(world, name, right) for name, right in (("Ada", 10), ("Bob", 10), ("Cleo", 10), ("Dan", 1))
    ]
    requester = world.requester()
    requester.approve_assignment(AssignmentId=open_here)
    await noted(world, lost)
    requester.reject_assignment(AssignmentId=refused_by_hand, RequesterFeedback="I do not like it.")
    await noted(world, unrefused)
    await mended(world, Kind.PAID, Kind.UNPAID, Kind.REFUSED, Kind.UNREFUSED)
    assert [await there(world, one) for one in (open_here, lost, refused_by_hand, unrefused)] == [
        *("Approved", "Approved", "Approved", "Rejected")
    ]
    assert (await world.counters())[0] == 3 * PRICE

    requester.approve_assignment(AssignmentId=unrefused, OverrideRejection=True)
    world.clock.move(hours=2)  # nothing that a list of HITs says has changed: it comes round again
    await mended(world, Kind.PAID)
    assert (await world.counters())[0] == 4 * PRICE
    document = await world.w.store.categories.get(SLUG)
    assert (document["submissions"]["approved"], document["submissions"]["rejected"]) == (4, 0)


async def test_bonuses_that_only_one_side_knows(world: World) -> None:
    worker, submission = await world.finishes("Ada")
    await world.collected()
    assignment = submission.partition(":")[0]
    task = await world.task()
    bonus = {
        **{"category": SLUG, "round": 1, "hit": task.hit, "annotator": worker.id, "act": "bonus"},
        **{"assignment": assignment, "cents": 12, "bonus": 10, "reason": "Well done."},
    }
    names = [f"{submission}:extra:{n}" for n in (1, 2, 3)]
    for name in names:

        async def work(session: Any, name: str = name) -> None:
            await world.w.store.payments.intend(name, bonus, world.clock(), session)
            await world.w.store.categories.count(SLUG, {"money.committed_cents": 12}, session)

        await world.w.store.transact(work)
    paid_there, refused_here, paid_here = [one for one in await settling.unpaid(world.w, SLUG) if one.act == "bonus"]
    market = world.desk.market
    for one in (paid_there, refused_here):
        await market.bonus(worker.id, assignment, 10, one.reason, settling.bonus_token(world.w, one))
    await settling.refused(world.w, SLUG, refused_here, "The market was not sure.")
    await settling.settled(world.w, SLUG, paid_here)
    world.requester().send_bonus(
        WorkerId=worker.id, AssignmentId=assignment, BonusAmount="0.50", Reason="By hand.", UniqueRequestToken="x"
    )
    await mended(world, Kind.BONUS_PAID, Kind.BONUS_PAID, Kind.BONUS_MISSING, Kind.BONUS_UNKNOWN)
    assert sorted(world.paid_at_the_market(assignment)) == ["0.10", "0.10", "0.10", "0.50"]
    spent, _, paid, refused = await world.counters()
    assert (spent, paid, refused) == (PRICE + 3 * 12 + 60, 4, 0)


async def test_a_hit_that_the_market_has_forgotten(world: World) -> None:
    task = await world.task()
    hit = str(task.hit)
    await world.desk.market.expire(hit)
    world.requester().delete_hit(HITId=hit)
    [found] = (await compared(world)).found
    assert (found.kind, found.mended) == (Kind.GONE, False)
    assert "right account" in found.outcome, "nothing of ours is there: it may be another account"
    assert (await world.task()).state is TaskState.POSTED
    await posts(world, "cars-r1-w1-t1", "of another category")
    await mended(world, Kind.GONE)
    assert (await world.task()).state is TaskState.CLOSED
    assert (await world.counters())[:2] == (0, 0)


async def test_what_has_just_happened_is_no_difference_and_what_agrees_is_not_looked_into_again(world: World) -> None:
    await judged(world, "Ada")
    await world.finishes("Bob")
    assert (await later(world)).found == ()
    await collect.run(world.desk, {"category": SLUG})
    looked = [(await later(world)).looked for _ in range(3)]
    assert looked == [1, 0, 0]
    await world.finishes("Cleo")
    assert (await later(world)).looked == 1
    world.clock.move(seconds=120)
    await run(world.desk, {})
    [kept] = await world.w.store.reconciliations.all()
    assert (kept["_id"], kept["hits"], kept["left"]) == (SLUG, 1, 0)
    assert [one["kind"] for one in kept["found"]] == [Kind.SUBMITTED]


async def test_a_market_that_does_not_answer_keeps_no_other_waiting(world: World) -> None:
    await intake.create_category(world.w, factories.category("away").model_copy(update={"market": "mturk"}))
    nobody = MTurkMarket(f"http://127.0.0.1:{free_port()}", "WINNOW", "any", patience_s=0.1)
    desk = replace(world.desk, others={"mturk": nobody})
    with pytest.raises(MarketUnavailable):
        await run(desk, {})
    assert [kept["_id"] for kept in await world.w.store.reconciliations.all()] == [SLUG]


async def test_a_bonus_beside_a_reward_is_told(world: World) -> None:
    assignment = await judged(world, "Ada", 1)
    await collect.run(world.desk, {"category": SLUG})
    [entry] = await world.w.store.payments.collection.find({}).to_list()
    instead = {name: entry[name] for name in ("category", "round", "hit", "annotator", "cents", "task")}

    async def work(session: Any) -> None:
        fields = {**instead, "assignment": assignment, "act": "bonus", "bonus": 90, "reason": "We were wrong."}
        await world.w.store.payments.intend(
            f"{assignment}:{entry['annotator']}:extra:reward", fields, world.clock(), session
        )
        await world.w.store.categories.count(SLUG, {"money.committed_cents": PRICE}, session)

    await world.w.store.transact(work)
    await collect.run(world.desk, {"category": SLUG})
    world.requester().approve_assignment(AssignmentId=assignment, OverrideRejection=True)
    found = {one.kind: one.mended for one in (await compared(world)).found}
    assert found == {Kind.PAID: True, Kind.TWICE: False}
    assert (await world.counters())[:2] == (2 * PRICE, 7 * PRICE), "both have been paid, and the ledger has both"


async def test_the_command_says_what_differs_then_mends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = world.w.settings
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", settings.market_secret_key)
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, "--data", str(tmp_path)], catch_exceptions=False)
        return done.exit_code, done.output

    assignment = await judged(world, "Ada")
    await noted(world, assignment)
    for words, code, said in (
        (("reconcile", SLUG, "--dry-run"), 1, "paid here, not there"),
        (("reconcile",), 0, "Paid there."),
        (("reconcile", SLUG), 0, "agree about 1 HITs"),
        (("round", "cost", SLUG), 0, "The market account has"),
    ):
        exit_code, output = await asyncio.to_thread(command, *words)
        assert (exit_code, said in " ".join(output.split())) == (code, True), output
        assert await there(world, assignment) == ("Submitted" if "--dry-run" in words else "Approved")
