"""A pool with features and people's answers, ready for its first training; and a worker process that can be killed."""

import asyncio
import os
import sys

import numpy as np
import uvloop
from bson import Binary

from active_learning import splits
from active_learning.domain.round import Phase
from api.operations import scoring
from api.operations.context import Winnow, open_winnow
from api.store import Session
from tests import factories
from tests.api import scored
from tests.api.scored import SLUG
from workers import loop
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime

DIMENSION = 8
BACKBONE = "test:backbone"


async def ready_to_train(w: Winnow, n: int) -> dict[str, bool]:
    """``n`` embedded candidates, 60 of them answered by people, in a decided round. Returns the truth."""
    answers = scored.truth(scored.ids(n))
    await scored.pool(w, list(answers), head="linear", validation=0)
    await scored.people_say(w, {image: answers[image] for image in list(answers)[:60]})
    await w.store.categories.put(SLUG, {"backbone": BACKBONE})
    vectors = np.random.default_rng(0).standard_normal((n, DIMENSION)).astype("<f4")
    vectors[:, 0] += [2.0 if yes else -2.0 for yes in answers.values()]
    documents = [
        {"_id": f"{BACKBONE}:{image}", "vector": Binary(vector.tobytes())}
        for image, vector in zip(answers, vectors, strict=True)
    ]
    await w.store.features.collection.insert_many(documents, ordered=False)

    async def work(session: Session) -> None:
        await w.store.rounds.insert(SLUG, 1, {"report": None, "strategy": "random"}, session)
        await w.store.rounds.advance(SLUG, 1, Phase.COLLECTING, Phase.DECIDED, {}, session)

    await w.store.transact(work)
    return answers


async def block_writes(w: Winnow) -> dict[str, int]:
    """How often each block of scores was written, from the server's own log of writes."""
    log = w.store.connection.client["local"]["oplog.rs"]
    found = log.find({"ns": f"{w.store.connection.database.name}.scores", "op": {"$in": ["i", "u"]}})
    writes: dict[str, int] = {}
    async for entry in found:
        block = entry["o2"]["_id"] if entry["op"] == "u" else entry["o"]["_id"]
        writes[block] = writes.get(block, 0) + 1
    return writes


async def check_scores(w: Winnow, model: str, answers: dict[str, bool]) -> None:
    """Every candidate has exactly one score of the model, and its own draw beside it."""
    found = await scoring.in_force(w, SLUG)
    assert found is not None and found.model == model
    seed = (await w.store.categories.definition(SLUG)).seed
    seen: list[str] = []
    right = 0
    for shard in found.shards:
        block = await w.store.scores.get(model, shard)
        assert block is not None
        images = block.images()
        seen += images
        right += sum((score > 0.5) == answers[image] for image, score in zip(images, block.scores, strict=True))
        assert block.draws[0] == splits.draw(seed, images[0])
    assert sorted(seen) == sorted(answers)
    assert right > 0.9 * len(answers)


async def _work(uri: str, database: str) -> None:
    settings = factories.settings(uri, database)
    options = MarketOptions(settings.market_endpoint, settings.market_access_key, settings.market_secret_key)
    async with open_winnow(settings) as w:
        desk = Desk(w, open_market(settings.market, options), RayRuntime(settings, cpus=2))
        await loop.work(desk, f"worker-{os.getpid()}", asyncio.Event(), slots=1)


if __name__ == "__main__":
    scoring.SHARD = int(sys.argv[3])
    loop.LEASE_S = 2.0
    uvloop.run(_work(sys.argv[1], sys.argv[2]))
