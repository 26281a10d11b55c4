"""Our own marketplace tells the real web process at once, and the worker looks: no poll was due."""

import asyncio
from datetime import datetime, timedelta

import pytest

from api.app import create_app
from api.operations.context import open_winnow
from tests import factories
from tests.api.working import SLUG, category_with, round_of
from tests.jobs.serving import Served
from tests.turk.served import MovableClock, Site, free_port, turk_settings
from workers.jobs import collect
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app as create_market


@pytest.mark.parametrize("private", ["yes", "no"])
async def test_a_submission_is_collected_before_the_next_poll(mongod_uri: str, private: str) -> None:
    web, port = free_port(), free_port()
    turk = turk_settings(
        mongod_uri, port, first_key="winnow:winnow-local", private_webhooks=private, delivery_seconds=0.05
    )
    settings = factories.settings(
        mongod_uri, "posted", market_endpoint=turk.public_url, public_url=f"http://127.0.0.1:{web}"
    )
    options = MarketOptions(turk.public_url, "winnow", "winnow-local", f"{settings.public_url}/market/events")
    served = [Served(lambda: create_market(turk), port), Served(lambda: create_app(settings), web)]
    async with open_winnow(settings) as w:
        try:
            await factories.emptied(w)
            await category_with(w, 60, 12, slots=30, hidden_gold=10, redundancy=1)
            [task] = await round_of(w, 1, 20)
            desk = Desk(w, open_market("turk", options), RayRuntime(settings, cpus=1))
            await collect.run(desk, {"category": SLUG})
            far = w.clock() + timedelta(hours=1)
            await w.store.jobs.collection.update_one({"_id": f"collect:{SLUG}"}, {"$set": {"due_at": far}})
            worker = Site(turk.public_url, turk, MovableClock(), None).worker("Ada")
            hit = str((await w.store.tasks.get(task.id)).hit)
            assert worker.submit(await asyncio.to_thread(worker.accept, hit)).status_code == 200

            async def due_at() -> datetime:
                job = await w.store.jobs.find(f"collect:{SLUG}")
                assert job is not None
                return job["due_at"]  # type: ignore[no-any-return]

            for _ in range(400 if private == "yes" else 40):
                if await due_at() < far:
                    break
                await asyncio.sleep(0.02)
            assert (await due_at() < far) is (private == "yes"), "only where private addresses may be called"
        finally:
            for one in served:
                one.stop()
            await w.store.connection.client.drop_database(turk.database)
