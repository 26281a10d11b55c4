"""What a round may choose from, key range by key range: shards return their own best, and one place chooses.

Selection must not see the cuts. They come from validation answers, and a model whose training images depend on them
would not be independent of the very answers that test it. So what the model has labeled can be chosen like what is
unknown: an image is open to selection unless people are or were concerned with it, or have excluded it by hand.
"""

import asyncio
from dataclasses import dataclass

import numpy as np

from active_learning import selection, vision
from active_learning.domain.candidate import Role, State
from active_learning.domain.policy import StrategyName
from api.operations import modelling, scoring
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.operations.spreading import Spread
from api.store.scores import digests
from api.store.shards import Shard

OPEN = (State.UNKNOWN.value, State.AUTO_LABELED.value)
UNDECIDED = np.float32(0.5)


@dataclass(frozen=True)
class Request:
    """What a shard is asked for: the best ``take`` of ``strategy``, by the scores in force."""

    strategy: StrategyName
    take: int
    seed: int
    scored: Scored | None
    known: selection.Known


async def select(
    w: Winnow, slug: str, strategy: StrategyName, take: int, seed: int, spread: Spread
) -> dict[str, float | None]:
    """Choose at most ``take`` open images, the best first; each with its score where there is one.

    The choice does not depend on the number of shards. Memory: a bounded multiple of ``take``.
    """
    if take <= 0:
        return {}
    scored = await scoring.in_force(w, slug)
    known = selection.Known.nothing()
    if scored is not None and "features" in selection.needs(strategy):
        known = await modelling.known(w, slug, scored.model)
    request = Request(strategy, take, seed, scored, known)
    shards = await scoring.shards(w, slug) if scored is None else scored.shards
    best: selection.Pool | None = None
    async for shortlist in spread(w, shortlist_range, [(slug, request, shard) for shard in shards]):
        both = [shortlist] if best is None else [best, shortlist]
        best = await asyncio.to_thread(selection.merge, strategy, both, take, seed, known)
    if best is None or not len(best):
        return {}
    rows = await asyncio.to_thread(selection.choose, strategy, best, take, seed, known)
    scores = None if best.scores is None else best.scores
    return {best.images[row]: None if scores is None else float(scores[row]) for row in rows.tolist()}


async def shortlist_range(w: Winnow, slug: str, request: Request, shard: Shard) -> selection.Pool:
    """The candidates of a key range that the choice must see."""
    pool = await _pool(w, slug, request, shard)
    if not len(pool):
        return pool
    return selection.shortlist(request.strategy, pool, request.take, request.seed, request.known)


async def _pool(w: Winnow, slug: str, request: Request, shard: Shard) -> selection.Pool:
    scored = request.scored
    if scored is None:
        return await _unscored(w, slug, shard)
    block = await w.store.scores.get(scored.model, shard)
    if block is None:
        return selection.Pool([])
    closed = [c["image"] for c in await w.store.candidates.busy(slug, shard, ["image"])]
    closed += await w.store.candidates.excluded(slug, shard)
    rows = block.rows(digests(closed))
    free = np.ones(len(block), dtype=bool)
    free[rows[rows >= 0]] = False
    images = block.images()
    needs = selection.needs(request.strategy)
    features = members = None
    if needs & {"features", "members"}:
        name, state, backbone = await modelling.head(w, scored.model)
        features = await w.store.features.within(backbone, shard, images)
        features = features[free]
        if "members" in needs:
            members = vision.members(name, state, features)
    return selection.Pool(
        images=[image for image, is_free in zip(images, free, strict=True) if is_free],
        scores=block.scores[free],
        features=features if "features" in needs else None,
        members=members,
        draws=block.draws[free],
    )


async def _unscored(w: Winnow, slug: str, shard: Shard) -> selection.Pool:
    """The open candidates of a key range before there is a model."""
    only = {"state": {"$in": OPEN}, "role": Role.TRAIN.value, "votes_wanted": False, "disputed": False}
    only["excluded"] = None
    found = await w.store.candidates.within(slug, shard, only, ["image", "draw"])
    return selection.Pool(
        images=[c["image"] for c in found], draws=np.array([c["draw"] for c in found], dtype=np.float64)
    )
