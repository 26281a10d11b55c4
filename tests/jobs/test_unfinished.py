"""Work that the time limit ended is paid in proportion, at the real marketplace: once, within the budget."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from active_learning.domain.errors import BudgetExhausted
from api.operations import bonuses
from tests.api.working import SLUG
from tests.jobs.posted import World, posted
from tests.turk.served import post_hit
from workers.jobs import collect


@pytest_asyncio.fixture
async def world(mongod_uri: str) -> AsyncIterator[World]:
    """A category whose one task, of 30 images after 2 lessons, is posted at a marketplace."""
    async with posted(mongod_uri) as opened:
        yield opened


async def test_what_was_answered_in_time_is_paid_in_proportion_and_once(world: World) -> None:
    spent, committed, _, _ = await world.counters()
    worker, assignment = await world.begins("Ada", 16)
    for _ in range(3):
        await world.time_passes()
    (bonus,) = await world.bonuses()
    assert bonus["_id"] == f"{assignment}:{worker.id}:bonus"
    assert (bonus["bonus"], bonus["cents"]) == (45, 54)  # 16 of 32 images of a task of 90 cents, and the fee
    assert bonus["reason"] == "Your time ran out after 16 of 32 images: this pays for them."
    assert bonus["done_at"] is not None
    assert world.paid_at_the_market(assignment) == ["0.45"]
    assert await world.counters() == (spent + 54, committed, 1, 0)
    stored = await world.w.store.assignments.get(f"{assignment}:{worker.id}")
    assert stored is not None and (stored["state"], stored["answers"]) == ("erased", {})


async def test_a_lost_confirmation_does_not_pay_twice(world: World) -> None:
    _, assignment = await world.begins("Ada", 16)
    await world.time_passes()
    before = await world.counters()
    await world.w.store.payments.collection.update_one({"act": "bonus"}, {"$set": {"done_at": None}})
    await world.w.store.categories.count(
        SLUG, {"bonuses.paid": -1, "money.spent_cents": -54, "money.committed_cents": 54}
    )
    await collect.run(world.desk, {"category": SLUG})
    assert world.paid_at_the_market(assignment) == ["0.45"]
    assert await world.counters() == before


async def test_the_same_task_taken_again_and_again_is_paid_once(world: World) -> None:
    for _ in range(2):
        await world.begins("Ada", 16)
        await world.time_passes()
    assert len(await world.bonuses()) == 1


@pytest.mark.parametrize(("how_many", "right"), [(0, 10), (32, 3)])
async def test_nothing_is_owed_for_nothing_or_for_wrong_answers_by_the_dozen(
    world: World, how_many: int, right: int
) -> None:
    before = await world.counters()
    await world.begins("Ada", how_many, right)
    await world.time_passes()
    assert await world.bonuses() == []
    assert await world.counters() == before


async def test_whoever_gave_the_task_back_is_owed_nothing_and_the_refusal_is_kept(world: World) -> None:
    _, committed, _, _ = await world.counters()
    worker, assignment = await world.begins("Ada", 16)
    worker.give_back(assignment)
    for _ in range(2):
        await world.time_passes()
    (bonus,) = await world.bonuses()
    assert bonus["done_at"] is None and bonus["refused_at"] is not None
    assert "does not exist" in bonus["refused"]
    assert await world.counters() == (0, committed, 0, 1)
    assert await world.w.store.payments.undone(SLUG) == []


async def test_the_budget_holds(world: World) -> None:
    await world.w.store.categories.put(SLUG, {"category.policy.budget_cents": 250})
    await world.begins("Ada", 16)
    await world.time_passes()
    (bonus,) = await world.bonuses()
    assert bonus["refused"] == bonuses.NO_MONEY
    assert (await world.counters())[2:] == (0, 1)


async def test_a_policy_that_does_not_pay_for_it_does_not(world: World) -> None:
    await world.w.store.categories.put(SLUG, {"category.policy.pay_unfinished": False})
    _, assignment = await world.begins("Ada", 16)
    await world.time_passes()
    assert await world.bonuses() == []
    stored = await world.w.store.assignments.collection.find_one({"market_assignment": assignment})
    assert stored is not None and stored["state"] == "erased"


async def test_an_empty_market_account_delays_a_bonus_and_does_not_lose_it(world: World) -> None:
    _, assignment = await world.begins("Ada", 16)
    requester = world.requester()
    free = round(100 * float(requester.get_account_balance()["AvailableBalance"]))
    reward = (free - 20) * 10 // 12 / 100  # with the fee, all but some cents
    hit = post_hit(requester, Reward=f"{reward:.2f}")
    with pytest.raises(BudgetExhausted):
        await world.time_passes()
    (waiting,) = await world.bonuses()
    assert (waiting["done_at"], waiting["refused_at"]) == (None, None)
    requester.update_expiration_for_hit(HITId=hit, ExpireAt=0)
    await collect.run(world.desk, {"category": SLUG})
    assert world.paid_at_the_market(assignment) == ["0.45"]
