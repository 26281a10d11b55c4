"""Near-duplicates that only features tell: found among all images of a pool that have them.

Intake compares perceptual hashes, which see the same picture again; features see the same scene. They are computed
after intake, so this is asked for when they are there. What is found is excluded by hand, and so touches no promise.
"""

import asyncio
from collections.abc import Callable

import numpy as np

from active_learning import likeness
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.operations.likeness import AT_ONCE
from api.store.shards import divide

MOST = 200_000
"""Images that are compared with each other: twenty thousand million pairs, some minutes."""


class Near(Value):
    """An image that is nearly the same as another one, ``kept``, which stays."""

    image: str
    kept: str


async def find(w: Winnow, slug: str, radius: float, progress: Callable[[int, int], None]) -> tuple[list[Near], int]:
    """Images within a cosine distance of ``radius`` of one that comes before them by id, and how many were compared.

    ``progress(done, total)`` counts the images that were read. Raises :class:`StateError` before there are features,
    and :class:`InputError` for a distance that is none or a pool that is too large.
    """
    if not 0.0 <= radius < 1.0:
        raise InputError(f"{radius:g} is no such distance.", "Choose one from 0 (the same direction) to below 1.")
    document = await w.store.categories.get(slug)
    total = sum(document["counts"].values())
    if document["backbone"] is None:
        raise StateError(
            f"The images of '{slug}' have no features yet.", "Winnow computes them after the validation draw."
        )
    if total > MOST:
        raise InputError(f"'{slug}' has {total:,} images, and {MOST:,} can be compared with each other.")
    gone = {one["image"] for one in await w.store.candidates.find(slug, {"excluded.at": {"$exists": True}}, ["image"])}
    images: list[str] = []
    parts = []
    for shard in divide(total, AT_ONCE):
        left = gone.union(await w.store.candidates.unembedded(slug, shard))
        here = [image for image in await w.store.candidates.images(slug, shard) if image not in left]
        if here:
            parts.append(await w.store.features.within(document["backbone"], shard, here))
            images += here
        progress(len(images), total)
    if not images:
        return [], 0
    pairs = await asyncio.to_thread(likeness.near_by_embedding, np.concatenate(parts), radius)
    out = likeness.extras(pairs)
    return [Near(image=images[one], kept=images[other]) for one, other in sorted(out.items())], len(images)
