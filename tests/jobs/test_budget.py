"""Nothing is posted that the category's budget does not cover, the market's fee included."""

import asyncio

from active_learning import rounds as plans
from active_learning.domain.candidate import State
from active_learning.domain.task import TaskState
from api.operations import deciding, recounting, settling
from tests.api.working import SLUG
from tests.jobs.posted import World, posted
from workers.jobs import collect

PRICE = 2 * 108
"""Two people, 90 cents each, and a fifth of that for the market."""


async def hits(world: World) -> int:
    return len(await world.desk.market.find("winnow:"))


async def test_a_task_that_the_budget_just_covers_is_posted_and_its_price_is_held(mongod_uri: str) -> None:
    async with posted(mongod_uri, budget_cents=PRICE) as world:
        task = await world.task()
        assert (task.state, task.held_cents, await hits(world)) == (TaskState.POSTED, 108, 1)
        assert (await world.counters())[:2] == (0, PRICE)


async def test_a_cent_too_little_asks_nobody_and_the_loop_goes_on(mongod_uri: str) -> None:
    async with posted(mongod_uri, budget_cents=PRICE - 1) as world:
        task = await world.task()
        assert (task.state, task.hit, await hits(world)) == (TaskState.CLOSED, None, 0)
        assert (await world.counters())[:2] == (0, 0)
        assert any("does not cover" in one["words"] for one in await world.w.store.happenings.latest(5))
        assert await world.w.store.tasks.open(SLUG) == 0, "nothing is waited for"
        await deciding.decide(world.w, SLUG, plans.Decide(round=1, wave=1))
        found = await world.w.store.candidates.find(SLUG, {"image": {"$in": list(task.asked)}}, ["state"])
        assert {one["state"] for one in found} == {State.UNKNOWN.value}
        assert await recounting.differences(world.w, SLUG) == {}


async def test_the_price_of_a_task_is_held_once_whoever_asks(mongod_uri: str) -> None:
    async with posted(mongod_uri, budget_cents=PRICE) as world:
        task = await world.task()
        await world.w.store.tasks.collection.update_one(
            {"_id": task.id}, {"$set": {"state": TaskState.DRAFTED.value, "hit": None}}
        )  # as after a crash between posting and writing it down
        assert all(await asyncio.gather(*(settling.promise(world.w, task) for _ in range(3))))
        await collect.run(world.desk, {"category": SLUG})
        assert ((await world.task()).hit, await hits(world)) == (task.hit, 1)
        assert (await world.counters())[:2] == (0, PRICE)


async def test_ten_people_and_more_cost_what_the_market_takes_for_them(mongod_uri: str) -> None:
    async with posted(mongod_uri, redundancy=10, max_votes=10) as world:
        held = world.requester().get_account_balance()["OnHoldBalance"]
        assert (await world.counters())[:2] == (0, round(100 * float(held))) == (0, 10 * (90 + 36))
        _, submission = await world.finishes("Ada")
        await world.collected()
        assert world.at_the_market(submission)[0] == "Approved"
        assert (await world.counters())[:2] == (126, 9 * 126)


async def test_another_fee_leaves_the_price_of_what_is_out_as_it_was(mongod_uri: str) -> None:
    async with posted(mongod_uri, redundancy=2) as world:
        await world.w.store.categories.put(SLUG, {"category.policy.fee": 0.5})
        await world.finishes("Ada")
        await world.collected()
        assert (await world.counters())[:2] == (108, 108)
        await world.desk.market.expire(str((await world.task()).hit))
        await world.collected()
        assert (await world.task()).state is TaskState.CLOSED
        assert (await world.counters())[:2] == (108, 0), (
            "nothing stays promised, and nothing more than was held is free"
        )
