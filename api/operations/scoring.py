"""A model's scores of the whole pool, key range by key range, in blocks that later steps read instead of the pool."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from active_learning import splits, vision
from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from active_learning.domain.round import Phase
from active_learning.domain.value import Value
from api.operations import modelling
from api.operations.context import Winnow
from api.store import Session
from api.store.scores import Block, digests
from api.store.shards import Shard, all_of, divide

SHARD = 8_192
"""At most about so many images in one key range: less than a second of work for a plain head."""

LISTED = 250
"""Candidates at the start of each list that pages show; only these, and those with people, carry a score."""


class Scored(Value):
    """The model whose scores are in force, and into how many ranges they are divided (2 ** ``bits``)."""

    model: str
    bits: int

    @property
    def shards(self) -> list[Shard]:
        """The ranges, in order."""
        return all_of(self.bits)


async def in_force(w: Winnow, slug: str) -> Scored | None:
    """The newest scores of the whole pool; ``None`` before the first model."""
    found = (await w.store.categories.get(slug)).get("scored")
    return None if found is None else Scored.model_validate(found)


async def shards(w: Winnow, slug: str) -> list[Shard]:
    """Key ranges of the whole pool, from the kept counters."""
    return divide(sum((await w.store.categories.get(slug))["counts"].values()), SHARD)


async def score_range(w: Winnow, slug: str, model: str, shard: Shard) -> int:
    """Score a key range; returns how many images it has, 0 where all of them had this model's score already."""
    if await w.store.scores.size(model, shard) == await w.store.candidates.size(slug, shard):
        return 0
    name, state, backbone = await modelling.head(w, model)
    images = await w.store.candidates.images(slug, shard)
    late = set(await w.store.candidates.unembedded(slug, shard))
    images = [image for image in images if image not in late]
    features = await w.store.features.within(backbone, shard, images)
    scores = vision.score(name, state, features) if images else np.empty(0, dtype=np.float32)
    seed = (await w.store.categories.definition(slug)).seed
    draws = np.array([splits.draw(seed, image) for image in images], dtype=np.float64)
    block = Block(digests(images), draws, scores)
    busy = [c["image"] for c in await w.store.candidates.busy(slug, shard, ["image"])]
    await w.store.candidates.put_scores(slug, _found(block, busy), model)
    await w.store.scores.put(slug, model, shard, block)  # last: a block that exists is complete
    return len(images)


def _found(block: Block, images: Sequence[str]) -> dict[str, float]:
    rows = block.rows(digests(images))
    return {image: float(block.scores[row]) for image, row in zip(images, rows, strict=True) if row >= 0}


async def scored(w: Winnow, slug: str, number: int, bits: int) -> None:
    """Note that the whole pool has the scores of round ``number``'s model: the round may cut."""
    newest = Scored(model=f"{slug}:{number}", bits=bits)

    async def work(session: Session) -> None:
        if await w.store.rounds.advance(slug, number, Phase.DECIDED, Phase.CUTTING, {}, session):
            await w.store.categories.put(slug, {"scored": newest.model_dump()}, session)

    await w.store.transact(work)
    design = (await w.store.categories.get(slug)).get("design")
    await w.store.scores.keep(slug, {newest.model} | ({design["scored"]["model"]} if design else set()))


async def show(w: Winnow, slug: str, newest: Scored) -> None:
    """Give the first candidates of each list that pages show their score: what is with people has it already."""
    lists: list[dict[str, Any]] = [
        {"state": State.UNKNOWN.value, "role": Role.TRAIN.value},
        {"answer": True, "source": Source.MODEL.value},
        {"answer": False, "source": Source.MODEL.value},
    ]
    images = [c["image"] for only in lists for c in await w.store.candidates.find(slug, only, ["image"], LISTED)]
    scores = await w.store.scores.of(newest.model, newest.shards, images)
    await w.store.candidates.put_scores(slug, scores, newest.model)
