"""A scrape by a crew of Ray actors, and somebody who kills: an actor, a node, or MongoDB, with SIGKILL."""

import asyncio
import logging
import os
import random
import signal
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ray
from ray.cluster_utils import Cluster

from active_learning.domain.category import Category
from active_learning.domain.intake import IntakePolicy
from api.operations import intake, recounting, scraping
from api.operations.context import Winnow, open_winnow
from api.operations.scraping import NewFind, Wanted
from api.settings import Settings
from api.store.scrapes import ScrapeState
from deploy import mongodb
from scraper.node import Node
from scraper.work import work_on
from workers.ray_runtime import RayRuntime

logger = logging.getLogger(__name__)

Victim = Literal["actor", "node", "mongod"]

SLUG = "bench"
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 200,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 3,
}
"""Ray notices a dead node after 2 s instead of 17."""


@dataclass
class Plant:
    """What can be killed: a MongoDB and two Ray nodes beside a head without processors."""

    data: Path
    server: mongodb.LocalMongo
    cluster: Cluster
    nodes: list[object]

    def settings(self, database: str) -> Settings:
        return Settings(
            mongodb_uri=self.server.uri,
            database=database,
            ray_address=self.cluster.address,
            scrape_per_second=0.0,
            scrape_networks=("127.0.0.0/8",),
        )

    def kill(self, victim: Victim, chance: random.Random) -> None:
        """Kill one, and put a new one in its place where nobody else does."""
        match victim:
            case "actor":
                actors = downloading()
                if actors:
                    os.kill(chance.choice(actors), signal.SIGKILL)
            case "node":
                node = self.nodes.pop(chance.randrange(len(self.nodes)))
                self.cluster.remove_node(node, allow_graceful=False)
                self.nodes.append(self.cluster.add_node(**NODE))
            case "mongod":
                self.server.process.kill()
                self.server.process.wait()
                self.server = mongodb.start(self.data, self.server.port)


def downloading() -> list[int]:
    """The process ids of the crew: Ray names an actor's process after what it does."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::Node"):
                found.append(int(entry.name))
    return sorted(found)


@asynccontextmanager
async def plant(data: Path) -> AsyncIterator[Plant]:
    """Start everything; stop it at the end."""
    os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    server = mongodb.start(data)
    head = {"num_cpus": 0, "object_store_memory": 100 << 20, "include_dashboard": False, "_system_config": HEALTH}
    cluster = Cluster(initialize_head=True, head_node_args=head)  # Ray wants the main thread
    made = Plant(data, server, cluster, [])
    try:
        made.nodes = [cluster.add_node(**NODE) for _ in range(2)]
        yield made
    finally:
        ray.shutdown()
        cluster.shutdown()
        made.server.stop()


@dataclass(frozen=True)
class Survived:
    """What a run with kills came to."""

    lost: int
    doubled: int
    repeated: int
    kills: int


async def run(
    place: Plant, url: str, images: int, kills: list[Victim], seed: int, say: Callable[[str], None]
) -> Survived:
    """Scrape ``images`` while the victims are killed one after the other, and compare what is there at the end."""
    chance = random.Random(seed)
    database = f"kill_{seed}_{images}"
    settings = place.settings(database)
    before = asked(url, "repeated")
    async with open_winnow(settings) as w:
        policy = IntakePolicy(near=None)
        await intake.create_category(w, Category(slug=SLUG, question="Is it there?", intake=policy))
        name = await scraping.start(w, Wanted(category=SLUG, source="list", options={"path": "urls.txt"}))
        for start in range(0, images, 1_000):
            numbers = range(seed * images + start, seed * images + min(images, start + 1_000))  # others in every run
            finds = [NewFind(f"{url}/{n}.jpg", f"{n}.jpg", {}) for n in numbers]
            await scraping.add_found(w, name, finds, {}, None)
        await scraping.gathered(w, name)
        working = asyncio.create_task(_work(w, name, RayRuntime(settings)))
        for number, victim in enumerate(kills):
            await _decided(w, name, images * (number + chance.random()) / (len(kills) + 1))
            say(f"killing {victim}")
            place.kill(victim, chance)
        await working
        lost, doubled = await compare(w, name, images)
        await w.store.connection.client.drop_database(database)
    return Survived(lost, doubled, asked(url, "repeated") - before, len(kills))


async def _work(w: Winnow, name: str, heavy: RayRuntime) -> None:
    """What a worker does: the job again and again, also after errors, until the scrape has ended."""

    async def crew(scrape: str, stop: asyncio.Event) -> None:
        await heavy.crew(Node, scrape)

    try:
        while True:
            try:
                if (await scraping.seen(w, name)).state is not ScrapeState.OPEN:
                    return
                await work_on(w, name, crew, asyncio.Event())
            except Exception as error:
                logger.warning("the job failed and comes back", exc_info=error)
            await asyncio.sleep(0.5)
    finally:
        await heavy.close()


async def _decided(w: Winnow, name: str, wanted: float) -> None:
    while (seen := await scraping.seen(w, name)).tally.decided < wanted:
        if seen.state is not ScrapeState.OPEN:
            raise RuntimeError(f"the scrape is {seen.state} with {seen.tally.decided} of {wanted:.0f} images")
        await asyncio.sleep(0.1)


async def compare(w: Winnow, name: str, images: int) -> tuple[int, int]:
    """(images that are not in the pool, what is there twice): finds, outcomes, candidates and counters all agree."""
    outcomes = [row["image"] async for row in scraping.outcomes(w, name, "stored")]
    pool = [one["image"] async for one in w.store.candidates.stream(SLUG, {}, ["image"])]
    tally = (await scraping.seen(w, name)).tally
    if await recounting.differences(w, SLUG) or tally.outcomes.get("stored", 0) != len(outcomes):
        raise RuntimeError("the counters differ from what is there")
    lost = images - len(set(outcomes) & set(pool))
    return lost, len(pool) - len(set(pool)) + len(outcomes) - len(set(outcomes))


def asked(url: str, what: str) -> int:
    """What the server has counted."""
    with urllib.request.urlopen(f"{url}/{what}") as answer:
        return int(answer.read())
