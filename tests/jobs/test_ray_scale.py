"""Scoring a pool in key ranges: a node that is killed costs its own range, a worker that is killed goes on."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import ray
from ray.cluster_utils import Cluster

from api.operations import scoring
from api.operations.context import Winnow
from tests import factories
from tests.api.scored import SLUG
from tests.e2e.demos import environment
from tests.jobs.scored_pool import block_writes, check_scores, ready_to_train
from workers.jobs import train
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime

N = 6_000
RANGES = 64
MODEL = f"{SLUG}:1"
ROOT = Path(__file__).resolve().parents[2]


@pytest_asyncio.fixture
async def w(mongod_uri: str, database_name: str) -> AsyncIterator[Winnow]:
    """A database of its own: other processes work on it."""
    async with factories.winnow(mongod_uri, database_name) as opened:
        yield opened
        await opened.store.connection.client.drop_database(database_name)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A node of one processor on this machine; it takes ten seconds to start, and a test may add another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        node = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=node)
        yield started
        started.shutdown()


@pytest.fixture(autouse=True)
def nobody_stays_connected() -> Iterator[None]:
    yield
    ray.shutdown()


def desk(w: Winnow, **changes: object) -> Desk:
    settings = factories.settings(w.settings.mongodb_uri, w.settings.database, **changes)
    options = MarketOptions(settings.market_endpoint, settings.market_access_key, settings.market_secret_key)
    return Desk(w, open_market(settings.market, options), RayRuntime(settings))


async def blocks(w: Winnow, at_least: int) -> None:
    """Wait until so many ranges are scored."""
    for _ in range(3_000):
        if await w.store.scores.collection.count_documents({}) >= at_least:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{at_least} ranges were not scored in a minute")


async def test_a_killed_node_costs_its_own_range(w: Winnow, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "SHARD", N // RANGES + 1)
    answers = await ready_to_train(w, N)
    second = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    work = desk(w, ray_address=cluster.address)
    args = {"category": SLUG, "round": 1}
    job = await w.store.jobs.insert("train", args, w.clock())
    await w.store.jobs.lease("the test", ["train"], w.clock(), 600)
    running = asyncio.create_task(train.run(work, args))
    await blocks(w, RANGES // 5)
    await asyncio.to_thread(cluster.remove_node, second, False)
    assert not running.done()
    await running
    writes = await block_writes(w)
    assert len(writes) == RANGES and sum(writes.values()) <= RANGES + 1
    await check_scores(w, MODEL, answers)
    (document,) = await w.store.jobs.running()
    progress = document["progress"]
    assert document["_id"] == job
    assert (progress["what"], progress["done"], progress["total"]) == ("score_range", RANGES, RANGES)
    await train.run(work, args)
    assert await block_writes(w) == writes, "what is scored is not scored again"


async def test_a_cluster_that_is_not_named_is_left_alone(w: Winnow, cluster: Cluster) -> None:
    """Somebody else's Ray runs on this machine, and Ray's own default would join it."""
    await ready_to_train(w, 600)
    work = desk(w)
    try:
        assert await work.heavy.run("train", SLUG, 1) == MODEL
        assert ray.get_runtime_context().gcs_address != cluster.address
    finally:
        await work.heavy.close()


def start_worker(w: Winnow, log: Path) -> "subprocess.Popen[bytes]":
    words = ("-m", "tests.jobs.scored_pool", w.settings.mongodb_uri, w.settings.database, str(N // RANGES + 1))
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment(), stdout=out, stderr=out)


@pytest.mark.long
async def test_a_killed_worker_goes_on_where_it_was(w: Winnow, tmp_path: Path) -> None:
    answers = await ready_to_train(w, N)
    await w.store.jobs.insert("train", {"category": SLUG, "round": 1}, w.clock())
    first = await asyncio.to_thread(start_worker, w, tmp_path / "log")
    try:
        await blocks(w, RANGES // 5)
        os.kill(first.pid, signal.SIGKILL)
        await asyncio.to_thread(first.wait)
        before = await block_writes(w)
        assert len(before) < RANGES
        assert await scoring.in_force(w, SLUG) is None
    finally:
        first.kill()
    second = await asyncio.to_thread(start_worker, w, tmp_path / "log")
    try:
        for _ in range(3_000):
            if await scoring.in_force(w, SLUG):
                break
            await asyncio.sleep(0.02)
    finally:
        second.kill()
        await asyncio.to_thread(second.wait)
    writes = await block_writes(w)
    assert len(writes) == RANGES, (tmp_path / "log").read_text()
    assert sum(writes.values()) <= RANGES + 4, "only what was in flight may be scored twice"
    await check_scores(w, MODEL, answers)


@pytest.mark.long
async def test_whoever_stops_asking_leaves_little_behind(w: Winnow) -> None:
    """A lost lease cancels the job, and the job its tasks: at most the window is ever in flight."""
    await ready_to_train(w, 600)
    work = desk(w)
    model = await work.heavy.run("train", SLUG, 1)
    many: list[tuple[Any, ...]] = [(SLUG, model, shard) for shard in scoring.all_of(8)]
    stream = work.heavy.stream("score_range", many)
    try:
        results = [await anext(stream) for _ in range(3)]
        await stream.aclose()  # type: ignore[attr-defined]
        assert len(results) == 3
        await asyncio.sleep(1.0)
        assert await w.store.scores.collection.count_documents({}) < 100
    finally:
        await work.heavy.close()
