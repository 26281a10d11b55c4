"""Two Ray actors and two plain processes at the same work: images a second between the first and the last outcome."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

from active_learning.domain.category import Category
from api.operations import intake, scraping
from api.operations.context import Winnow, open_winnow
from api.operations.scraping import NewFind, Wanted
from api.settings import Settings
from scraper.node import Node
from tests.bench.peers import ROOT
from workers.ray_runtime import RayRuntime

PROCESSES = 2

Crew = Callable[[Settings, str], Awaitable[None]]


def rates(uri: str, url: str, images: int, rounds: int) -> tuple[list[float], list[float]]:
    """The rates of the actors and of the processes, in turn."""
    return asyncio.run(_rates(uri, url, images, rounds))


async def _rates(uri: str, url: str, images: int, rounds: int) -> tuple[list[float], list[float]]:
    settings = Settings(mongodb_uri=uri, scrape_per_second=0.0, scrape_networks=("127.0.0.0/8",))
    heavy = RayRuntime(settings, cpus=PROCESSES)

    async def actors(settings: Settings, scrape: str) -> None:
        heavy.settings = settings
        await heavy.crew(Node, scrape)

    found: tuple[list[float], list[float]] = ([], [])
    try:
        for _ in range(rounds):
            found[0].append(await _rate(settings, url, images, actors))
            found[1].append(await _rate(settings, url, images, _processes))
    finally:
        await heavy.close()
    return found


async def _processes(settings: Settings, scrape: str) -> None:
    argv = (sys.executable, "-m", "deploy.cli", "download", "--until-done", "--scrape", scrape)
    env = {**os.environ, **settings.to_env()}
    some = [await asyncio.create_subprocess_exec(*argv, env=env, cwd=ROOT) for _ in range(PROCESSES)]
    await asyncio.gather(*(one.wait() for one in some))


async def _rate(settings: Settings, url: str, images: int, crew: Crew) -> float:
    own = Settings.from_env({**settings.to_env(), "WINNOW_DATABASE": f"crew_{time.monotonic_ns()}"})
    async with open_winnow(own) as w:
        await intake.create_category(w, Category(slug="bench", question="Is it there?"))
        scrape = await scraping.start(w, Wanted(category="bench", source="list", options={"path": "urls.txt"}))
        for start in range(0, images, 1_000):
            finds = [NewFind(f"{url}/{n}.jpg", f"{n}.jpg", {}) for n in range(start, min(images, start + 1_000))]
            await scraping.add_found(w, scrape, finds, {}, None)
        await scraping.gathered(w, scrape)
        await crew(own, scrape)
        seconds = await _between(w, images)
        await w.store.connection.client.drop_database(own.database)
    return images / seconds


async def _between(w: Winnow, images: int) -> float:
    times = [
        find["ended_at"] async for find in w.store.finds.collection.find({"outcome": {"$ne": None}}, {"ended_at": 1})
    ]
    if len(times) != images:
        raise RuntimeError(f"{len(times)} of {images} images have an outcome")
    return float((max(times) - min(times)).total_seconds())
