"""The validation draw: which images only calibrate. Uniform at the start, or from strata of a first model's scores.

A stratified draw happens once, after the first model, which has seen gold and one random batch: chance alone has
selected so far. The pilot's scores stay, so that every image's stratum can be told for ever, and an image that arrives
later joins by its own draw.
"""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning import splits, validation
from active_learning.cuts import risk_of_look
from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import NotFound, StateError
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value
from api.operations import scoring
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.operations.spreading import Spread, run_all
from api.store import Session
from api.store.connection import Document
from api.store.scores import Block, digests
from api.store.shards import Shard

SHARE = 0.4
"""At most this share of a pool is drawn for validation: beyond it, people might as well answer everything."""

Draws = NDArray[np.float64]


class Drawn(Value):
    """A stratified design in force: the pilot, the edges of its strata, and the draw below which each validates.

    Images that were added ``since`` are late: they join when they have a score of the pilot.
    """

    scored: Scored
    edges: tuple[float, ...]
    sizes: tuple[int, ...]
    expected: tuple[float, ...]
    below: tuple[float, ...]
    since: datetime

    @property
    def design(self) -> validation.Design:
        """The strata."""
        return validation.Design(self.edges, self.sizes, self.expected)

    def strata(self, pilot: Block, block: Block) -> NDArray[np.int64]:
        """The stratum of each image of a block; without a score of the pilot it counts as one that nobody knows."""
        rows = pilot.rows(block.digests)
        scores = np.full(len(block), 0.5, dtype=np.float32)
        scores[rows >= 0] = pilot.scores[rows[rows >= 0]]
        return self.design.stratum(scores)


async def in_force(w: Winnow, slug: str) -> Drawn | None:
    """The stratified design of a category; ``None`` where validation is a uniform sample."""
    found = (await w.store.categories.get(slug)).get("design")
    return None if found is None else Drawn.model_validate(found)


async def draw_uniform(w: Winnow, slug: str, size: int) -> None:
    """Fix the validation images: the ``size`` smallest draws of the pool without gold."""
    below = await w.store.candidates.draw_after(slug, size) if size else 0.0

    async def work(session: Session) -> None:
        if await w.store.categories.put_once(slug, "validation_below", below, session):
            drawn = await w.store.candidates.make_validation(slug, below, session)
            await w.store.categories.count(slug, {"validation.total": drawn}, session)

    await w.store.transact(work)


async def draw_stratified(w: Winnow, slug: str, policy: Policy, size: int, spread: Spread) -> None:
    """Fix strata and thresholds from the scores in force, once, then let the images join that lie below them."""
    drawn = await in_force(w, slug)
    if drawn is None:
        drawn = await _design(w, slug, policy, size, spread)
        await w.store.categories.put_once(slug, "design", drawn.model_dump())
    await run_all(w, spread, join_range, [(slug, shard, False) for shard in drawn.scored.shards])
    # The mark of a draw that is complete. Nobody joins by the smallness of his draw alone.
    await w.store.categories.put_once(slug, "validation_below", 0.0)


async def join_late(w: Winnow, slug: str, spread: Spread) -> None:
    """Let images that were added after a stratified draw, and have the pilot's score now, join by their own draws."""
    drawn = await in_force(w, slug)
    if drawn is not None and (await w.store.categories.get(slug))["validation_below"] is not None:
        await run_all(w, spread, join_range, [(slug, shard, True) for shard in drawn.scored.shards])


async def _design(w: Winnow, slug: str, policy: Policy, size: int, spread: Spread) -> Drawn:
    scored = await scoring.in_force(w, slug)
    pilot = None if scored is None else await w.store.models.get(scored.model)
    if scored is None or pilot is None:
        raise StateError(f"{slug} has no model yet whose scores could make strata.")
    histogram: validation.Histogram | None = None
    async for part in spread(w, histogram_range, [(slug, scored, shard) for shard in scored.shards]):
        histogram = part if histogram is None else histogram + part
    assert histogram is not None, "there is at least one range"
    risk = risk_of_look(policy.confidence, 1)
    design = validation.stratify(histogram, size, policy.recall, risk, await _prevalence(w, slug))
    smallest: list[Draws] = [np.empty(0)] * design.strata
    async for found in spread(w, smallest_range, [(slug, scored, design, shard) for shard in scored.shards]):
        smallest = [_least(np.concatenate(both), n) for *both, n in zip(smallest, found, design.sizes, strict=True)]
    below = [splits.validation_threshold(draws, n) for draws, n in zip(smallest, design.sizes, strict=True)]
    return Drawn(
        scored=scored,
        edges=design.edges,
        sizes=design.sizes,
        expected=design.expected,
        below=tuple(below),
        since=pilot["trained_at"],
    )


async def _prevalence(w: Winnow, slug: str) -> float | None:
    """The share of yes in what was chosen at random."""
    only = {"state": State.LABELED.value, "role": Role.TRAIN.value, "chosen_by": "random"}
    answers = [c["answer"] for c in await w.store.candidates.find(slug, only, ["answer"])]
    return sum(answers) / len(answers) if answers else None


def _least(draws: Draws, n: int) -> Draws:
    """The ``n + 1`` smallest: enough to know the draw that exactly ``n`` lie below."""
    return np.sort(draws)[: n + 1]


async def _untouched(w: Winnow, slug: str, scored: Scored, shard: Shard) -> Block:
    """The scored images of a key range that nobody has seen."""
    block = await _block(w, scored, shard)
    rows = block.rows(digests([c["image"] for c in await w.store.candidates.busy(slug, shard, ["image"])]))
    free = np.ones(len(block), dtype=bool)
    free[rows[rows >= 0]] = False
    return block.take(free)


async def _block(w: Winnow, scored: Scored, shard: Shard) -> Block:
    block = await w.store.scores.get(scored.model, shard)
    if block is None:
        raise NotFound(f"{scored.model} has no scores of range {shard.index}.")
    return block


async def histogram_range(w: Winnow, slug: str, scored: Scored, shard: Shard) -> validation.Histogram:
    """Count the pilot's scores of what may be drawn in a key range."""
    return validation.Histogram.of((await _untouched(w, slug, scored, shard)).scores)


async def smallest_range(w: Winnow, slug: str, scored: Scored, design: validation.Design, shard: Shard) -> list[Draws]:
    """The smallest draws of each stratum in a key range, one more than may be drawn."""
    block = await _untouched(w, slug, scored, shard)
    stratum = design.stratum(block.scores)
    return [_least(block.draws[stratum == h], n) for h, n in enumerate(design.sizes)]


async def join_range(w: Winnow, slug: str, shard: Shard, late: bool) -> int:
    """Give the validation role to untouched images of a key range that lie below their stratum's draw.

    ``late``: only those that were added after the draw. Others that are untouched now may have been with people when
    the sample was drawn, and it was not drawn from them. Returns how many joined.
    """
    drawn = await in_force(w, slug)
    if drawn is None:
        return 0
    block = await _untouched(w, slug, drawn.scored, shard)
    stratum = drawn.design.stratum(block.scores)
    rows = np.flatnonzero(block.draws < np.array(drawn.below)[stratum])
    images = np.array(block.take(rows).images(), dtype=object)
    only: Document = {"state": State.UNKNOWN.value, "role": Role.TRAIN.value}
    if late:
        only["added_at"] = {"$gte": drawn.since}

    async def work(session: Session) -> int:
        joined = 0
        for h in np.unique(stratum[rows]).tolist():
            fields: dict[str, Any] = {"role": Role.VALIDATION.value, "stratum": h}
            joined += await w.store.candidates.mark(slug, images[stratum[rows] == h].tolist(), fields, session, only)
        await w.store.categories.count(slug, {"validation.total": joined}, session)
        return joined

    return await w.store.transact(work) if len(rows) else 0


async def tally_strata(w: Winnow, drawn: Drawn, shard: Shard, block: Block) -> NDArray[np.int64]:
    """The strata of a block of another model's scores, over the same key range or a part of the pilot's."""
    parts = [await _block(w, drawn.scored, one) for one in _covering(drawn.scored, shard)]
    pilot = Block(
        np.concatenate([part.digests for part in parts]),
        np.concatenate([part.draws for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
    return drawn.strata(pilot, block)


def _covering(scored: Scored, shard: Shard) -> list[Shard]:
    """The pilot's ranges that hold a range of another division: the pool may have grown since."""
    more = shard.bits - scored.bits
    if more >= 0:
        return [Shard(scored.bits, shard.index >> more)]
    return [Shard(scored.bits, (shard.index << -more) + n) for n in range(1 << -more)]
