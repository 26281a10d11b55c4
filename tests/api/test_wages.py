"""Work is counted whatever becomes of it, pay when it was paid, and the wage floor is topped up once."""

import pytest

from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from api.operations import bonuses, labeling, recounting, settling, unfinished, wages
from api.operations.context import Winnow
from api.store.connection import Document
from api.store.migrations import migrate
from tests.api import working
from tests.api.working import SLUG
from tests.factories import FakeClock

POLICY = {"slots": 30, "hidden_gold": 10, "validation": 0, "lessons": 0, "reward_cents": 60, "wage_floor_cents": 1_500}


async def posted(w: Winnow, **policy: object) -> tuple[Task, dict[str, bool]]:
    truth = await working.category_with(w, 120, 12, **(POLICY | policy))
    (task,) = await working.round_of(w, 1, 20)
    await settling.posted(w, task, "HIT1")
    return await w.store.tasks.get(task.id), truth


async def works(
    w: Winnow, task: Task, who: str, truth: dict[str, bool], ms: float, how_many: int | None = None, right: bool = True
) -> Document:
    """Open, look at each image for ``ms`` while the clock runs, answer."""
    document = await working.opened(w, task, who)
    token = (await labeling.open_assignment(w, task.id, document["market_assignment"], who, "")).token
    images = document["images"][:how_many]
    answers = [Response(position=n, value=truth[i] is right, visible_ms=ms) for n, i in enumerate(images)]
    await labeling.save(w, token, answers)
    assert isinstance(w.clock, FakeClock)
    w.clock.move(20 * 60)
    if how_many is None:
        await labeling.submit(w, token, (0, 0))
    return document


async def judged_and_paid(w: Winnow, task: Task, who: str, assignment: str) -> None:
    for _ in range(2):
        await settling.judge(w, task, assignment, who)
        for payment in await settling.unpaid(w, SLUG):
            await settling.settled(w, SLUG, payment)


async def test_a_reward_below_the_floor_is_topped_up_once(w: Winnow) -> None:
    task, truth = await posted(w)
    document = await works(w, task, "ANNA", truth, 15_000)  # 30 images: 7.5 minutes, $1.875 at $15 an hour
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    entry = await w.store.payments.get(f"{document['_id']}:floor")
    assert entry is not None
    assert (entry["act"], entry["bonus"], entry["cents"]) == ("bonus", 128, 154)
    assert entry["reason"] == (
        "You worked 7.5 minutes on this task. Nobody here earns less than $15.00 an hour, "
        "and the reward was $0.60: this makes up the rest."
    )
    kept = await w.store.categories.get(SLUG)
    assert kept["wages"] == {"active_ms": 450_000, "earned_cents": 188, "submitted": 1, "unfinished": 0}
    anna = await w.store.wages.get(SLUG, "ANNA")
    assert anna is not None and anna["hourly"] == pytest.approx(1_504)
    spent = await w.store.spending.since("", SLUG)
    assert [(s.kind, s.acts, s.cents, s.people_cents) for s in spent] == [("reward", 1, 72, 60), ("floor", 1, 154, 128)]
    assert await recounting.differences(w, SLUG) == {}


async def test_a_reward_that_is_enough_is_all(w: Winnow) -> None:
    task, truth = await posted(w)
    document = await works(w, task, "ANNA", truth, 4_000)
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    assert [entry.kind for entry in await w.store.spending.since("", SLUG)] == ["reward"]


async def test_no_browser_works_longer_than_the_clock_says(w: Winnow) -> None:
    task, truth = await posted(w)
    document = await works(w, task, "ANNA", truth, 59_000)  # 29.5 minutes within 20
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    kept = await w.store.categories.get(SLUG)
    assert kept["wages"]["active_ms"] == 20 * 60_000
    assert await recounting.differences(w, SLUG) == {}


async def test_refused_work_counts_as_work_and_gets_no_top_up_until_the_refusal_is_taken_back(w: Winnow) -> None:
    task, _ = await posted(w, use_accuracy=0.9, honest_accuracy=0.9)
    document = await working.opened(w, task, "BEN")
    token = (await labeling.open_assignment(w, task.id, document["market_assignment"], "BEN", "")).token
    always = [Response(position=n, value=False, visible_ms=15_000) for n in range(len(document["images"]))]
    await labeling.save(w, token, always)
    assert isinstance(w.clock, FakeClock)
    w.clock.move(20 * 60)
    await labeling.submit(w, token, (0, 0))
    await judged_and_paid(w, task, "BEN", document["market_assignment"])
    kept = await w.store.categories.get(SLUG)
    assert kept["wages"] == {"active_ms": 450_000, "earned_cents": 0, "submitted": 1, "unfinished": 0}
    assert await w.store.payments.get(f"{document['_id']}:floor") is None
    submission = await w.store.submissions.get(document["_id"])
    assert submission is not None
    worked = await wages.worked(w, submission)
    given = [
        await w.store.transact(lambda session: wages.top_up(w, task, submission, worked, session)) for _ in range(2)
    ]
    assert given == [True, False]


async def test_what_the_budget_does_not_cover_is_kept_as_refused(w: Winnow) -> None:
    task, truth = await posted(w, budget_cents=200)
    document = await works(w, task, "ANNA", truth, 15_000)
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    entry = await w.store.payments.get(f"{document['_id']}:floor")
    assert entry is not None and entry["refused"] == bonuses.NO_MONEY
    assert (await w.store.categories.get(SLUG))["bonuses"] == {"paid": 0, "refused": 1}


async def test_unfinished_work_is_work_too(w: Winnow) -> None:
    task, truth = await posted(w, minutes=10)
    document = await works(w, task, "ANNA", truth, 10_000, how_many=12)
    assert await unfinished.erase(w) == 1
    kept = await w.store.categories.get(SLUG)
    assert kept["wages"] == {"active_ms": 120_000, "earned_cents": 0, "submitted": 0, "unfinished": 1}
    stored = await w.store.assignments.get(document["_id"])
    assert stored is not None and (stored["answers"], stored["active_ms"]) == ({}, 120_000)
    assert await recounting.differences(w, SLUG) == {}


async def test_a_database_of_before_gets_its_wages_and_its_days(w: Winnow) -> None:
    task, truth = await posted(w)
    document = await works(w, task, "ANNA", truth, 15_000)
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    database = w.store.connection.database
    kept = (await w.store.categories.get(SLUG))["wages"], await w.store.wages.get(SLUG, "ANNA")
    days = await w.store.spending.since("", SLUG)
    await database["wages"].delete_many({})
    await database["spending"].delete_many({})
    await database["payments"].update_many({}, {"$unset": {"reward": ""}})
    await database["categories"].update_one({"_id": SLUG}, {"$unset": {"wages": ""}})
    for _ in range(2):
        await database["migrations"].delete_one({"_id": 7})
        await migrate(w.store.connection)
    assert ((await w.store.categories.get(SLUG))["wages"], await w.store.wages.get(SLUG, "ANNA")) == kept
    assert await w.store.spending.since("", SLUG) == days
    assert await recounting.differences(w, SLUG) == {}
