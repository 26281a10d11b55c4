"""A whole round over a million candidates in MongoDB, by stage, beside a raw read and write of the same documents.

``WINNOW_BENCH_CANDIDATES`` takes another size; a pool of a tenth is measured too, for time and memory to be compared.
"""

import asyncio
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from bson import Binary
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from active_learning import splits
from active_learning.domain.label import Source
from active_learning.domain.round import Phase
from active_learning.rounds import StartRound
from api.operations import curating, cutting, intake, recounting, rounds, scoring
from api.operations.context import Winnow, open_winnow
from api.store import Session
from deploy import mongodb
from tests import factories
from tests.api import scored
from tests.api.scored import SLUG
from tests.bench.result import Benchmark, Row
from workers.ray_runtime import RayRuntime

CANDIDATES = int(os.environ.get("WINNOW_BENCH_CANDIDATES", "1000000"))
DIMENSION = 64
YES = 0.2
ANSWERED = 1_000
POLICY = {"validation": 2_000, "head": "linear", "slots": 150, "hidden_gold": 40}
BACKBONE = "bench:backbone"
WARM_UP = 60_000
CACHE_GB = 4.0
"""The server's memory, for both sides: that of a laptop's own server is for small pools."""
AT_ONCE = 5_000
RAW_CHUNK = 1_000
STAGES = ("train", "score", "cut", "select")
RATIO = 2.0
LINEAR = 1.5
"""Ten times the pool may cost so much more a candidate, and so much more of the driver's memory."""


@dataclass
class Measured:
    """Seconds by stage, of Winnow and of plain PyMongo, and the driver's peak of memory."""

    n: int
    ours: dict[str, float] = field(default_factory=dict)
    raw: dict[str, float] = field(default_factory=dict)
    grown_mb: float = 0.0
    labels: int = 0


def image(number: int) -> str:
    """An id like that of a real picture."""
    return sha256(str(number).encode()).hexdigest()


def answer(identifier: str) -> bool:
    """The truth: a matter of the id alone."""
    return splits.draw(1, identifier) < YES


def fill(uri: str, database: str, seed: int, start: int, end: int) -> None:
    """Insert candidates and features, in the order of arrival, which is not that of ids."""
    now = datetime.now(UTC)
    rng = np.random.default_rng(start)
    with MongoClient[dict[str, Any]](uri) as client:
        found = client.get_database(database, write_concern=WriteConcern(w=1))
        for first in range(start, end, AT_ONCE):
            images = [image(number) for number in range(first, min(first + AT_ONCE, end))]
            found["candidates"].insert_many([candidate(one, seed, now) for one in images], ordered=False)
            vectors = rng.standard_normal((len(images), DIMENSION)).astype("<f4")
            vectors[:, :4] += np.array([[1.5] if answer(one) else [-1.5] for one in images], dtype=np.float32)
            documents = [
                {"_id": f"{BACKBONE}:{one}", "vector": Binary(vector.tobytes())}
                for one, vector in zip(images, vectors, strict=True)
            ]
            found["features"].insert_many(documents, ordered=False)


def candidate(identifier: str, seed: int, now: datetime) -> dict[str, Any]:
    """What intake and embedding leave."""
    empty = dict.fromkeys(("answer", "source", "gold", "score", "model", "task", "chosen_by"))
    return {
        **{"_id": f"{SLUG}:{identifier}", "category": SLUG, "image": identifier, "state": "unknown", "role": "train"},
        **{"draw": splits.draw(seed, identifier), "shown": 0, "votes_wanted": False, "disputed": False},
        **{"embedded": True, "added_at": now, **empty},
    }


@asynccontextmanager
async def pool(uri: str, n: int) -> AsyncIterator[Winnow]:
    """A category of ``n`` candidates with features, gold, and answered validation images, before its first model."""
    database = f"bench_{n}"
    async with open_winnow(factories.settings(uri, database)) as w:
        category = factories.category(SLUG, **POLICY)
        await intake.create_category(w, category)
        context, cores = multiprocessing.get_context("spawn"), os.cpu_count() or 1
        edges = [n * part // cores for part in range(cores + 1)]
        parts = [context.Process(target=fill, args=(uri, database, category.seed, *ends)) for ends in pairwise(edges)]
        for part in parts:
            part.start()
        for part in parts:
            await asyncio.to_thread(part.join)
        await w.store.categories.count(SLUG, {"counts.unknown": n, "embedded": n})
        await w.store.categories.put(SLUG, {"backbone": BACKBONE})
        images = [image(number) for number in range(n // 2, n // 2 + ANSWERED)]
        gold = {one: answer(one) for one in images[: ANSWERED // 5]}
        await curating.give_gold(w, SLUG, gold, Source.IMPORTED, {"by": "bench"})
        await rounds.draw_validation(w, SLUG)
        drawn = await w.store.candidates.find(SLUG, {"role": "validation"}, ["image"])
        asked = {c["image"] for c in drawn} | set(images[ANSWERED // 5 :])
        await scored.people_say(w, {one: answer(one) for one in asked}, chosen_by="random")

        async def work(session: Session) -> None:
            await w.store.rounds.insert(SLUG, 1, {"report": None, "strategy": "random"}, session)
            await w.store.rounds.advance(SLUG, 1, Phase.COLLECTING, Phase.DECIDED, {}, session)

        await w.store.transact(work)
        try:
            yield w
        finally:
            await w.store.connection.client.drop_database(database)


async def round_of(w: Winnow, heavy: RayRuntime, measured: Measured) -> None:
    """Train, score, cut and label, and select the next round: what the jobs do."""
    clock = Stopwatch(measured.ours)
    model = await heavy.run("train", SLUG, 1)
    clock.lap("train")
    ranges = await scoring.shards(w, SLUG)
    async for _ in heavy.stream("score_range", [(SLUG, model, shard) for shard in ranges]):
        pass
    await scoring.scored(w, SLUG, 1, ranges[0].bits)
    clock.lap("score")
    await cutting.cut(w, SLUG, 1, heavy.over())
    clock.lap("cut")
    await rounds.start_round(w, SLUG, StartRound(number=2, strategy="margin", take=100), heavy.over())
    clock.lap("select")


class Stopwatch:
    """Adds the time since the last lap to a name."""

    def __init__(self, into: dict[str, float]) -> None:
        self._into = into
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a lap."""
        now = time.perf_counter()
        self._into[name] = self._into.get(name, 0.0) + now - self._last
        self._last = now


def raw_read(uri: str, database: str, into: dict[str, float]) -> None:
    """Every feature and every candidate once, through a plain cursor."""
    with MongoClient[dict[str, Any]](uri) as client:
        clock = Stopwatch(into)
        for _ in client[database]["features"].find({}, batch_size=10_000):
            pass
        clock.lap("score")
        for _ in client[database]["candidates"].find({}, {"state": 1, "answer": 1}, batch_size=10_000):
            pass
        clock.lap("cut")


def raw_write(uri: str, database: str, into: dict[str, float]) -> int:
    """The same blocks, labels and moves, as plain writes: the labels under new ids, the moves in the way back."""
    with MongoClient[dict[str, Any]](uri) as client:
        found = client.get_database(database, write_concern=WriteConcern("majority"))
        clock = Stopwatch(into)
        for block in found["scores"].find():
            found["scores"].replace_one({"_id": block["_id"]}, block)
        clock.lap("score")
        for _ in found["scores"].find():
            pass
        clock.lap("select")
        n = 0
        for labels in batches(found["labels"].find({"source": "model"}, batch_size=RAW_CHUNK)):
            keys = [f"{SLUG}:{label['image']}" for label in labels]
            again = [{**label, "_id": f"{label['_id']}:again"} for label in labels]
            clock.lap("reading what to write")
            found["labels"].insert_many(again, ordered=False)
            changes = {"$set": {"state": "unknown", "answer": None, "source": None}}
            found["candidates"].update_many({"_id": {"$in": keys}}, changes)
            clock.lap("cut")
            n += len(labels)
        into.pop("reading what to write", None)
        return n


def batches(cursor: Any) -> Iterator[list[dict[str, Any]]]:
    """Documents in thousands; those that are inserted meanwhile are left out."""
    batch: list[dict[str, Any]] = []
    for document in cursor:
        if not document["_id"].endswith(":again"):
            batch.append(document)
        if len(batch) == RAW_CHUNK:
            yield batch
            batch = []
    if batch:
        yield batch


def peak_mb(reset: bool = False) -> float:
    """The most memory that this process has held since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1)) / 1024


async def measure(uri: str, n: int) -> Measured:
    """One pool, from its first training to the selection of the next round."""
    measured = Measured(n)
    async with pool(uri, n) as w:
        await asyncio.to_thread(raw_read, uri, w.settings.database, measured.raw)
        before = peak_mb(reset=True)
        await round_of(w, RayRuntime(w.settings), measured)
        measured.grown_mb = max(1.0, peak_mb() - before)
        assert await recounting.differences(w, SLUG) == {}
        measured.labels = await asyncio.to_thread(raw_write, uri, w.settings.database, measured.raw)
        assert measured.labels > n / 2, "the model decided too little for its labels to be a measure"
    return measured


async def both() -> tuple[Measured, Measured]:
    """A tenth of the pool, then the whole."""
    mongodb.CACHE_GB = CACHE_GB
    with tempfile.TemporaryDirectory() as folder, mongodb.start(Path(folder)) as server:
        try:
            await measure(server.uri, WARM_UP)  # Ray starts and its processes import: not of this round
            return await measure(server.uri, CANDIDATES // 10), await measure(server.uri, CANDIDATES)
        finally:
            await RayRuntime(factories.settings(server.uri, "none")).close()


def run() -> Benchmark:
    """Measure and compare."""
    small, large = asyncio.run(both())
    peer = "plain PyMongo, one process: the same documents read and written"
    rows = [
        Row(
            name=f"round of {large.n:,}: {what}",
            what=f"seconds for {what}; {large.labels:,} labels by the model",
            unit="s",
            ours=round(sum(large.ours[stage] for stage in stages), 2),
            peer={"name": peer, "value": round(sum(large.raw.get(stage, 0.0) for stage in stages), 2)},
            goal=RATIO,
            runs=[round(large.ours[stage], 2) for stage in stages],
            less=True,
        )
        for what, stages in [("everything", STAGES), *((stage, (stage,)) for stage in ("score", "cut"))]
    ]
    tenth = f"a pool of {small.n:,}"
    for name, unit, of in (
        ("time a candidate", "us", lambda m: round(1e6 * sum(m.ours.values()) / m.n, 1)),
        ("select", "us/candidate", lambda m: round(1e6 * m.ours["select"] / m.n, 2)),
        ("driver's memory", "MB", lambda m: round(m.grown_mb, 1)),
    ):
        rows.append(
            Row(
                name=f"round of {large.n:,}: {name}",
                what=f"{name} beside {tenth}",
                unit=unit,
                ours=of(large),
                peer={"name": tenth, "value": of(small)},
                goal=LINEAR,
                runs=[of(small), of(large)],
                less=True,
            )
        )
    return Benchmark(rows)
