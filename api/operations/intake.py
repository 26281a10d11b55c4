"""Images and categories come in."""

from collections.abc import Sequence
from dataclasses import dataclass

from active_learning import splits
from active_learning.domain.category import Category
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store import Session


@dataclass(frozen=True)
class NewImage:
    """Inspected bytes on their way in. ``name`` is where it was found, relative to its source."""

    sha256: str
    data: bytes
    format: str
    width: int
    height: int
    name: str
    source: str


class Added(Value):
    """What an intake changed: pictures that are new to the store, and candidates that are new to the category."""

    images: int
    candidates: int
    duplicates: int


async def create_category(w: Winnow, category: Category) -> None:
    """Create a category and the recurring jobs that keep its loop going; raises ``InputError`` if it exists."""
    await w.store.categories.insert(category, w.clock())
    await schedule(w, category.slug)


async def schedule(w: Winnow, slug: str) -> None:
    """Queue the category's recurring jobs, unless they are queued already."""
    for kind in ("collect", "advance"):
        await w.store.jobs.insert(kind, {"category": slug}, w.clock(), every_s=w.settings.poll_seconds)
    await w.store.jobs.insert("erase", {}, w.clock(), every_s=30.0)


async def add_images(w: Winnow, slug: str, images: Sequence[NewImage]) -> Added:
    """Store pictures and make them unknown candidates of a category.

    Bytes come first and candidates last, so that a crash leaves no candidate without its picture; a repeat changes
    nothing. An image that arrives after the validation draw joins the validation set by its own draw, as the design
    wants it.
    """
    category = await w.store.categories.definition(slug)
    unique = {image.sha256: image for image in images}
    known = await w.store.images.known(list(unique))
    fresh = [image for digest, image in unique.items() if digest not in known]
    await w.blobs.put({image.sha256: image.data for image in fresh})
    await w.store.images.insert(
        [
            {
                "_id": image.sha256,
                "format": image.format,
                "width": image.width,
                "height": image.height,
                "bytes": len(image.data),
                "name": image.name,
                "source": image.source,
            }
            for image in fresh
        ],
        w.clock(),
    )
    draws = {digest: splits.draw(category.seed, digest) for digest in unique}

    async def pool(session: Session) -> int:
        added = await w.store.candidates.insert(slug, draws, w.clock(), session)
        await w.store.categories.count(slug, {"counts.unknown": added}, session)
        below = (await w.store.categories.get(slug))["validation_below"]
        if added and below is not None:
            drawn = await w.store.candidates.make_validation(slug, below, session)
            await w.store.categories.count(slug, {"validation.total": drawn}, session)
        return added

    added = await w.store.transact(pool)
    return Added(images=len(fresh), candidates=added, duplicates=len(images) - added)
