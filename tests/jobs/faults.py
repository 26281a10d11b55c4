"""A marketplace that has bad days, and a campaign of many small HITs that is worked on there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from api.app import create_app as create_web
from api.operations import labeling
from api.operations.context import open_winnow
from api.settings import Settings
from api.store.connection import Document
from tests import factories
from tests.api.working import SLUG, category_with, round_of
from tests.jobs.posted import World
from tests.jobs.serving import Served
from tests.turk.served import MovableClock, Site, free_port, turk_settings
from workers.jobs import collect
from workers.jobs.desk import Desk
from workers.leased import run_leased
from workers.market import MarketOptions, open_market
from workers.market.protocol import Marketplace
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app
from workers.turk.chaos import Chaos


class Luck:
    """Counts what the marketplace lets go wrong; while it is ``good``, nothing does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.good, self.bad = False, Counter[str]()
        happens = Chaos.happens

        def counted(chaos: Chaos, switch: str) -> bool:
            bad = not self.good and happens(chaos, switch)
            self.bad[switch] += bad
            return bad

        monkeypatch.setattr(Chaos, "happens", counted)


def client(settings: Settings) -> Marketplace:
    """Another client of the market, which tells Winnow's web process what happens."""
    keys = (settings.market_access_key, settings.market_secret_key)
    return open_market("turk", MarketOptions(settings.market_endpoint, *keys, f"{settings.public_url}/market/events"))


class Campaign(World):
    """A world of many tasks."""

    async def tasks(self) -> list[Task]:
        return await self.w.store.tasks.of_round(SLUG, 1)

    def restarted(self) -> None:
        """The worker process has died and another one goes on: what its client remembered is lost."""
        self.desk = Desk(self.w, client(self.w.settings), self.desk.heavy)

    async def dies_while_it_collects(self, after_s: float) -> None:
        """A worker process collects and is killed in the middle of it."""
        collecting = asyncio.create_task(collect.run(self.desk, {"category": SLUG}))
        await asyncio.wait({collecting}, timeout=after_s)
        collecting.cancel()
        await asyncio.wait({collecting})
        self.restarted()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[list[str]]:
        """A worker that collects whenever a notification has arrived, and never by itself; gives its runs."""
        runs: list[str] = []
        jobs, over = self.w.store.jobs, asyncio.Event()
        far = {"due_at": self.w.clock() + timedelta(days=1)}
        await jobs.collection.update_one({"_id": f"collect:{SLUG}"}, {"$set": far})

        async def listen() -> None:
            while not over.is_set():
                job = await jobs.lease("listener", ["collect"], self.w.clock(), 60)
                if job is None:
                    await asyncio.sleep(0.05)
                else:
                    await run_leased(self.w, "listener", job, collect.run(self.desk, job.args))
                    runs.append(job.id)

        listener = asyncio.create_task(listen())
        try:
            yield runs
        finally:
            over.set()
            await listener

    async def at_market(self, collection: str) -> list[Document]:
        """The marketplace's own documents."""
        database = self.w.store.connection.client[self.site.settings.database]
        return await database[collection].find({}).to_list()

    async def works(self, task: str, hit: str, answered: bool) -> str:
        """Somebody does a HIT, and answers at Winnow's page or only posts the market's form; gives the assignment."""
        worker = await asyncio.to_thread(self.site.worker)
        assignment = await asyncio.to_thread(worker.accept, hit)
        if answered:
            opened = await labeling.open_assignment(self.w, task, assignment, worker.id, "")
            document = await self.w.store.assignments.get(f"{assignment}:{worker.id}")
            assert document is not None
            answers = [Response(position=n, value=self.truth[image]) for n, image in enumerate(document["images"])]
            await labeling.save(self.w, opened.token, answers)
            await labeling.submit(self.w, opened.token, (1280, 800))
        assert (await asyncio.to_thread(worker.submit, assignment)).status_code == 200
        return assignment


@asynccontextmanager
async def campaign(mongod_uri: str, hits: int, chaos: str, **policy: object) -> AsyncIterator[Campaign]:
    """So many drafted tasks of two images each, for one person each, and a marketplace that has bad days."""
    clock, port = MovableClock(), free_port()
    turk = turk_settings(
        mongod_uri, port, first_key="winnow:winnow-local", private_webhooks="yes", delivery_seconds=0.05, chaos=chaos
    )
    market = Served(lambda: create_app(turk, clock), port)
    settings = factories.settings(
        mongod_uri,
        "posted",
        market_endpoint=turk.public_url,
        public_url=f"http://127.0.0.1:{free_port()}",
        poll_seconds=3_600.0,
    )
    web = Served(lambda: create_web(settings), int(settings.public_url.rpartition(":")[2]))
    heavy = RayRuntime(settings, cpus=1)
    small = {"slots": 4, "hidden_gold": 2, "validation": 0, "lessons": 0, "redundancy": 1, **policy}
    async with open_winnow(settings, clock) as w:
        try:
            await factories.emptied(w)
            truth = await category_with(w, 2 * hits + 60, 12, **small)
            await round_of(w, 1, 2 * hits)
            yield Campaign(
                Desk(w, client(settings), heavy),
                clock,
                Site(turk.public_url, turk, clock, None),
                truth,
            )
        finally:
            market.stop()
            web.stop()
            await heavy.close()
            await w.store.connection.client.drop_database(turk.database)
