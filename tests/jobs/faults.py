"""A marketplace behind a bad line, and a campaign of many small HITs that is worked on there."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from api.operations import labeling
from api.operations.context import open_winnow
from api.store.connection import Document
from tests import factories
from tests.api.working import SLUG, category_with, round_of
from tests.jobs.posted import World
from tests.jobs.serving import Served
from tests.turk.served import SECRET, MovableClock, Site, free_port
from workers.jobs import collect
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app
from workers.turk.settings import TurkSettings

FAULT = json.dumps({"__type": "ServiceFault", "Message": "Something went wrong."}).encode()


class BadLine:
    """An ASGI app whose Requester API does what it is asked and says, for a share of the calls, that it failed."""

    def __init__(self, app: Any, share: float, seed: int) -> None:
        self.app, self.share, self.chance = app, share, random.Random(seed)
        self.calls = self.lies = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        api = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/"
        self.calls += api
        if not api or self.chance.random() >= self.share:
            await self.app(scope, receive, send)
            return
        self.lies += 1
        await self.app(scope, receive, _nowhere)
        headers = [(b"content-type", b"application/x-amz-json-1.1"), (b"content-length", str(len(FAULT)).encode())]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": FAULT})


async def _nowhere(message: Any) -> None:
    """What was answered does not arrive."""


class Campaign(World):
    """A world of many tasks; ``line`` is what the market is behind."""

    line: BadLine

    async def tasks(self) -> list[Task]:
        return await self.w.store.tasks.of_round(SLUG, 1)

    def restarted(self) -> None:
        """The worker process has died and another one goes on: what its client remembered is lost."""
        settings = self.w.settings
        options = MarketOptions(settings.market_endpoint, settings.market_access_key, settings.market_secret_key)
        self.desk = Desk(self.w, open_market(settings.market, options), self.desk.heavy)

    async def dies_while_it_collects(self, after_s: float) -> None:
        """A worker process collects and is killed in the middle of it."""
        collecting = asyncio.create_task(collect.run(self.desk, {"category": SLUG}))
        await asyncio.wait({collecting}, timeout=after_s)
        collecting.cancel()
        await asyncio.wait({collecting})
        self.restarted()

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
async def campaign(mongod_uri: str, hits: int, share: float, seed: int, **policy: object) -> AsyncIterator[Campaign]:
    """So many drafted tasks of two images each, for one person each, and a marketplace that lies about a share."""
    clock, port = MovableClock(), free_port()
    turk = TurkSettings(
        mongodb_uri=mongod_uri,
        secret=SECRET,
        sign_up="names",
        database=f"faults_{time.time_ns()}_turk",
        public_url=f"http://127.0.0.1:{port}",
        first_key="winnow:winnow-local",
    )
    line = BadLine(create_app(turk, clock), share, seed)
    market = Served(lambda: line, port)
    settings = factories.settings(mongod_uri, "posted", market_endpoint=turk.public_url)
    options = MarketOptions(settings.market_endpoint, settings.market_access_key, settings.market_secret_key)
    heavy = RayRuntime(settings, cpus=1)
    small = {"slots": 4, "hidden_gold": 2, "validation": 0, "lessons": 0, "redundancy": 1, **policy}
    async with open_winnow(settings, clock) as w:
        try:
            await factories.emptied(w)
            truth = await category_with(w, 2 * hits + 60, 12, **small)
            await round_of(w, 1, 2 * hits)
            made = Campaign(
                Desk(w, open_market(settings.market, options), heavy),
                clock,
                Site(turk.public_url, turk, clock, None),
                truth,
            )
            made.line = line
            yield made
        finally:
            market.stop()
            await heavy.close()
            await w.store.connection.client.drop_database(turk.database)
