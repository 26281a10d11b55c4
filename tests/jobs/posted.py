"""One task posted at a real marketplace, people who work on it, and a clock that both sides look at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from api.operations import labeling, recounting, unfinished
from api.operations.context import Winnow, open_winnow
from api.store.connection import Document
from tests import factories
from tests.api.working import SLUG, category_with, opened, round_of
from tests.jobs.serving import Served
from tests.turk.served import MovableClock, Site, Worker, free_port, turk_settings
from workers.jobs import collect
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app

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

    async def finishes(self, name: str, right: int = 10) -> tuple[Worker, str]:
        """The same, with every image answered, and submitted on both sides. Returns worker and submission."""
        worker, assignment = await self.begins(name, 32, right)
        opened = await labeling.open_assignment(self.w, (await self.task()).id, assignment, worker.id, "")
        await labeling.submit(self.w, opened.token, (1280, 800))
        assert worker.submit(assignment).status_code == 200
        return worker, f"{assignment}:{worker.id}"

    async def collected(self) -> None:
        """The market and Winnow are brought to the same state, and the counters say what the ledger says."""
        await collect.run(self.desk, {"category": SLUG})
        assert await recounting.differences(self.w, SLUG) == {}

    def at_the_market(self, submission: str) -> tuple[str, str]:
        """The state of a submission's assignment there, and what its annotator reads."""
        found = self.requester().get_assignment(AssignmentId=submission.partition(":")[0])["Assignment"]
        return found["AssignmentStatus"], found.get("RequesterFeedback", "")

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


@asynccontextmanager
async def posted(mongod_uri: str, **policy: object) -> AsyncIterator[World]:
    """A category whose one task, of 30 images after 2 lessons, is posted at a marketplace."""
    clock, port = MovableClock(), free_port()
    turk = turk_settings(mongod_uri, port, starting_balance_cents=10_000, first_key="winnow:winnow-local")
    market = Served(lambda: create_app(turk, clock), port)
    settings = factories.settings(mongod_uri, "posted", market_endpoint=turk.public_url)
    options = MarketOptions(settings.market_endpoint, settings.market_access_key, settings.market_secret_key)
    heavy = RayRuntime(settings, cpus=1)
    async with open_winnow(settings, clock) as w:
        try:
            await factories.emptied(w)
            truth = await category_with(w, 120, 12, **{**POLICY, **policy})
            await round_of(w, 1, 20)
            desk = Desk(w, open_market(settings.market, options), heavy)
            await collect.run(desk, {"category": SLUG})
            yield World(desk, clock, Site(turk.public_url, turk, clock, None), truth)
        finally:
            market.stop()
            await heavy.close()
            await w.store.connection.client.drop_database(turk.database)
