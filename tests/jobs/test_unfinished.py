"""Work that the time limit ended is paid in proportion, at the real marketplace: once, within the budget."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from active_learning.domain.errors import BudgetExhausted
from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from api.operations import bonuses, labeling, recounting, unfinished
from api.operations.context import Winnow, open_winnow
from api.store.connection import Document
from tests import factories
from tests.api.working import SLUG, category_with, opened, round_of
from tests.jobs.serving import Served
from tests.turk.served import SECRET, MovableClock, Site, Worker, free_port, post_hit
from workers.jobs import collect
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app
from workers.turk.settings import TurkSettings

POLICY = {"slots": 30, "hidden_gold": 10, "validation": 0, "lessons": 2, "reward_cents": 90, "pay_unfinished": True}
TIME = 31 * 60 + 120
"""Past the deadline of an assignment, on both sides."""


@dataclass
class World:
    """A category with one posted task, a marketplace, and a clock that both look at."""

    desk: Desk
    clock: MovableClock
    site: Site
    truth: dict[str, bool]

    @property
    def w(self) -> Winnow:
        return self.desk.winnow

    async def task(self) -> Task:
        return (await self.w.store.tasks.of_round(SLUG, 1))[0]

    async def begins(self, name: str, how_many: int, right: int = 10) -> tuple[Worker, str]:
        """Somebody accepts the HIT and answers some images at Winnow's page; so much of the gold is answered right."""
        task = await self.task()
        worker = self.site.worker(name)
        assignment = worker.accept(str(task.hit))
        document = await opened(self.w, task, worker.id, assignment)
        token = (await labeling.open_assignment(self.w, task.id, assignment, worker.id, "")).token
        images = document["images"][:how_many]
        gold = [image for n, image in enumerate(images) if document["gold"][n] is not None][document["lessons"] :]
        wrong = set(gold[right:])
        answers = [
            Response(position=n, value=self.truth[image] is not (image in wrong)) for n, image in enumerate(images)
        ]
        await labeling.save(self.w, token, answers)
        return worker, assignment

    async def time_passes(self) -> None:
        self.clock.move(seconds=TIME)
        await unfinished.erase(self.w)
        await collect.run(self.desk, {"category": SLUG})
        assert await recounting.differences(self.w, SLUG) == {}

    async def bonuses(self) -> list[Document]:
        return await self.w.store.payments.collection.find({"act": "bonus"}).sort("_id").to_list()

    async def counters(self) -> tuple[int, int, int, int]:
        document = await self.w.store.categories.get(SLUG)
        money, bonuses = document["money"], document["bonuses"]
        return money["spent_cents"], money["committed_cents"], bonuses["paid"], bonuses["refused"]

    def requester(self) -> Any:
        return self.site.requester(self.w.settings.market_access_key)

    def paid_at_the_market(self, assignment: str) -> list[str]:
        requester = self.requester()
        return [p["BonusAmount"] for p in requester.list_bonus_payments(AssignmentId=assignment)["BonusPayments"]]


@pytest_asyncio.fixture
async def world(mongod_uri: str, database_name: str) -> AsyncIterator[World]:
    """A category whose one task, of 30 images after 2 lessons, is posted at a marketplace."""
    clock, port = MovableClock(), free_port()
    turk = TurkSettings(
        mongodb_uri=mongod_uri,
        secret=SECRET,
        database=f"{database_name}_turk",
        public_url=f"http://127.0.0.1:{port}",
        starting_balance_cents=10_000,
    )
    market = Served(lambda: create_app(turk, clock), port)
    settings = factories.settings(mongod_uri, database_name, market_endpoint=turk.public_url)
    options = MarketOptions(settings.market_endpoint, settings.market_access_key, settings.market_secret_key)
    heavy = RayRuntime(settings, cpus=1)
    async with open_winnow(settings, clock) as w:
        try:
            truth = await category_with(w, 120, 12, **POLICY)
            await round_of(w, 1, 20)
            desk = Desk(w, open_market(settings.market, options), heavy)
            await collect.run(desk, {"category": SLUG})
            yield World(desk, clock, Site(turk.public_url, turk, clock, None), truth)
        finally:
            market.stop()
            await heavy.close()
            for name in (database_name, turk.database):
                await w.store.connection.client.drop_database(name)


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
