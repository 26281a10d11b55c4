"""Search by example: every image with features is compared, key range by key range, in memory for one range.

A small pool is searched while somebody waits; a large one by a job, whose progress the page shows. What was found is
kept for an hour, so that paging through it costs nothing.
"""

import asyncio

import numpy as np

from active_learning import likeness
from active_learning.domain.errors import InputError, NotFound, StateError
from active_learning.domain.value import Value
from api.operations import browsing
from api.operations.browsing import Filters, PoolPage, Seen
from api.operations.context import Winnow
from api.operations.spreading import Spread, here
from api.store.features import Matrix
from api.store.jobs import job_id
from api.store.shards import Shard, divide

LIKE = 480
"""Images that a search keeps."""

AT_ONCE = 4_096
"""At most about so many images in one key range: 16 MB of a backbone with 1,024 numbers an image."""

WHILE_WAITING = 20_000
"""Images of a pool that is searched at once, within a second or two; a larger one is a job's."""


class Found(Value):
    """How far a search is: ``done`` of ``total`` key ranges; its ``page`` once it has ended.

    ``compared`` images were compared. ``error`` is why the last attempt failed.
    """

    page: PoolPage | None
    done: int = 0
    total: int = 0
    compared: int = 0
    error: str = ""


async def like(w: Winnow, slug: str, image: str, filters: Filters, after: str | None = None, size: int = 60) -> Found:
    """What looks like ``image``, the likest first, of what matches ``filters``; starts the search where need be.

    Raises ``NotFound`` for an image that is not in the pool, :class:`StateError` before it has features, and
    :class:`InputError` for a key that is none.
    """
    start = 0 if after is None else _rank(after)
    stored = await w.store.likenesses.get(slug, image)
    if stored is None:
        await _example(w, slug, image)
        if (await w.store.categories.get(slug))["embedded"] > WHILE_WAITING:
            return await _job(w, slug, image)
        await search(w, slug, image)
        stored = await w.store.likenesses.get(slug, image)
        assert stored is not None, "it was stored a moment ago"
    cosines = dict(zip(stored["images"], stored["cosines"], strict=True))
    ranks = {found: rank for rank, found in enumerate(stored["images"])}
    rest = await browsing.seen(w, slug, stored["images"][start:], cosines)
    wanted = [one for one in rest if _wanted(filters, one)]
    following = f"rank{ranks[wanted[size].image]}" if len(wanted) > size else None
    page = PoolPage(items=tuple(wanted[:size]), next=following, looked=len(rest))
    return Found(page=page, compared=stored["looked"])


async def search(w: Winnow, slug: str, image: str, spread: Spread = here) -> int:
    """Compare every image with the example and keep the likest; returns how many were compared."""
    backbone, example = await _example(w, slug, image)
    total = sum((await w.store.categories.get(slug))["counts"].values())
    best, compared = likeness.NOTHING, 0
    many = [(slug, backbone, example, shard) for shard in divide(total, AT_ONCE)]
    async for found, looked in spread(w, nearest_range, many):
        best, compared = best.merge(found, LIKE), compared + looked
    await w.store.likenesses.put(slug, image, best.images, best.cosines.tolist(), compared, w.clock())
    return compared


async def nearest_range(
    w: Winnow, slug: str, backbone: str, example: Matrix, shard: Shard
) -> tuple[likeness.Nearest, int]:
    """The likest images of a key range, and how many of it were compared."""
    late = set(await w.store.candidates.unembedded(slug, shard))
    images = [image for image in await w.store.candidates.images(slug, shard) if image not in late]
    features = await w.store.features.within(backbone, shard, images)
    return await asyncio.to_thread(likeness.nearest, images, features, example, LIKE), len(images)


async def _example(w: Winnow, slug: str, image: str) -> tuple[str, Matrix]:
    """The backbone of a category, and the features of an image of its pool."""
    document = await w.store.categories.get(slug)
    if await w.store.candidates.get(slug, image) is None:
        raise NotFound(f"Image {image} is not in '{slug}'.", "Choose an image of this pool.")
    backbone = document["backbone"]
    vectors = {} if backbone is None else await w.store.features.some(backbone, [image])
    if image not in vectors:
        raise StateError(
            "This image has no features yet, so nothing can be compared with it.",
            "Winnow computes them after the validation draw; the category's page says how far it is.",
        )
    return str(backbone), np.array(vectors[image])


async def _job(w: Winnow, slug: str, image: str) -> Found:
    """Queue the search, unless it is queued already; says how far it is."""
    args = {"category": slug, "image": image}
    found = await w.store.jobs.find(job_id("likeness", args))
    if found is None or found["state"] in {"done", "failed"}:
        await w.store.jobs.remove("likeness", args)
        await w.store.jobs.insert("likeness", args, w.clock())
    progress = (found or {}).get("progress") or {"done": 0, "total": 0}
    return Found(page=None, done=progress["done"], total=progress["total"], error=(found or {}).get("error") or "")


def _wanted(filters: Filters, one: Seen) -> bool:
    low, high = filters.score_from or 0.0, 1.0 if filters.score_to is None else filters.score_to
    scored = not filters.by_score or (one.score is not None and low <= one.score <= high)
    return scored and browsing.matches(filters, one)


def _rank(after: str) -> int:
    digits = after.removeprefix("rank")
    if digits == after or not digits.isdigit() or len(digits) > 6:
        raise InputError("This is not the key of a page.", "Start again from the first page.")
    return int(digits)
