"""Pictures for annotators: made once in a few sizes, given out in batches, telling nothing of which is gold.

Nothing here asks what an image is: gold and unknown take the same way, in the same batch. What is remembered is
remembered per assignment, never per image: a cache of images would answer faster for those that many people see.
"""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from active_learning.domain.errors import AlreadyClosed, InputError, NotFound
from active_learning.domain.label import Source
from active_learning.domain.task import Task
from api import renditions
from api.operations import tokens
from api.operations.context import Winnow

BATCH = 24
BATCH_OF_SMALLEST = 150
FULL_REMOVED = 640
REMEMBERED = 1_000
"""Assignments whose order of images is kept in memory: about 12 kB each."""

AT_ONCE = 4
"""Pictures that one process makes at a time; Pillow leaves the interpreter free while it works."""


@dataclass(frozen=True)
class Album:
    """The images of one assignment in their order, with their longest sides in pixels. None of it ever changes."""

    assignment: str
    images: tuple[str, ...]
    longest: tuple[int, ...]
    deadline: datetime


@dataclass
class Albums:
    """The albums of the work that is under way, and this process's room for making pictures.

    An album goes when its work is submitted, when its time is over, and at the latest as the oldest of too many.
    """

    kept: OrderedDict[str, Album] = field(default_factory=OrderedDict)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def keep(self, album: Album, now: datetime) -> None:
        """Remember an album."""
        self.kept[album.assignment] = album
        # They come in the order in which they were opened, so the oldest are over first.
        while len(self.kept) > REMEMBERED or next(iter(self.kept.values())).deadline < now:
            self.kept.popitem(last=False)
            if not self.kept:
                return

    def forget(self, assignment: str) -> None:
        """Let an album go: nobody looks at it any more, or it is read again."""
        self.kept.pop(assignment, None)


async def batch(w: Winnow, albums: Albums, token: str, start: int, count: int, size: int) -> tuple[list[bytes], int]:
    """Up to ``count`` pictures from position ``start``, and for how many seconds they may be kept.

    Raises :class:`InputError` for a size that there is not or too many at once, :class:`NotFound` off the end.
    """
    most = BATCH_OF_SMALLEST if size == renditions.SIZES[0] else BATCH
    if size not in renditions.SIZES or not 1 <= count <= most:
        sizes = ", ".join(map(str, renditions.SIZES))
        raise InputError(f"{count} images of size {size} cannot be had.", f"Sizes: {sizes}. At most {most} at once.")
    album = await _album(w, albums, token)
    if not 0 <= start < len(album.images):
        raise NotFound(f"There is no image at position {start}.")
    wanted = range(start, min(start + count, len(album.images)))
    pictures = await _pictures(w, albums.room, album, wanted, size)
    left = album.deadline - w.clock()
    return [_sealed(w, album, at, picture) for at, picture in zip(wanted, pictures, strict=True)], int(
        left.total_seconds()
    )


async def full(w: Winnow, albums: Albums, token: str, position: int) -> bytes:
    """One picture at full resolution, made anew for everybody: a stored one would come faster the second time."""
    album = await _album(w, albums, token)
    if not 0 <= position < len(album.images):
        raise NotFound(f"There is no image at position {position}.")
    data = await _original(w, album.images[position])
    async with albums.room:
        picture = renditions.removed(FULL_REMOVED) if data is None else await asyncio.to_thread(renditions.full, data)
    return _sealed(w, album, position, picture)


async def prepare_task(w: Winnow, task: Task) -> int:
    """Make the pictures of a task and of all gold of its category: who has seen some of it gets other gold instead."""
    # What people's answers made gold has had its pictures since it was asked.
    given = {"gold": {"$ne": None}, "source": {"$in": [Source.GOLD.value, Source.IMPORTED.value]}}
    gold = await w.store.candidates.find(task.category, given, ["image"])
    return await prepare(w, list({slot.image for slot in task.slots} | {candidate["image"] for candidate in gold}))


async def prepare(w: Winnow, images: Sequence[str]) -> int:
    """Make what is missing of these images in every size; returns how many pictures were made.

    Done before anybody sees them: making one at the first look would tell an image that nobody has seen from gold.
    """
    longest = await w.store.images.longest(images)
    wanted = {
        renditions.key(image, step): (image, step)
        for image, side in longest.items()
        for step in renditions.SIZES
        if step == renditions.rung(side, step)
    }
    missing = await w.store.renditions.missing(list(wanted))
    sizes: dict[str, list[int]] = {}
    for key in missing:
        image, step = wanted[key]
        sizes.setdefault(image, []).append(step)
    room = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_make(w, room, image, steps) for image, steps in sizes.items()))
    return len(missing)


async def shown(w: Winnow, images: Sequence[str], size: int) -> dict[str, bytes]:
    """What annotators get to see of these images, without a seal and without storing it: image -> file."""
    originals = await w.blobs.many(images)
    longest = await w.store.images.longest(images)

    def make() -> dict[str, bytes]:
        sizes = {image: renditions.rung(longest[image], size) for image in originals}
        return {image: renditions.render(data, sizes[image]) for image, data in originals.items()}

    return await asyncio.to_thread(make)


async def one(w: Winnow, image: str, size: int) -> bytes:
    """One image without a seal, for pages where everybody may know it: examples, the researcher's own."""
    if size not in renditions.SIZES:
        raise InputError(f"There is no size {size}.", f"Sizes: {', '.join(map(str, renditions.SIZES))}.")
    longest = (await w.store.images.longest([image])).get(image, 0)
    return (await _stored(w, asyncio.Semaphore(1), [image], [renditions.rung(longest, size)]))[0]


async def _album(w: Winnow, albums: Albums, token: str) -> Album:
    identifier = tokens.assignment_of(w, token)
    album = albums.kept.get(identifier)
    if album is None:
        found = await w.store.assignments.images(identifier)
        if found is None:
            raise NotFound("This assignment does not exist.", "Open the task from the marketplace.")
        images, deadline = found
        longest = await w.store.images.longest(images)
        album = Album(identifier, tuple(images), tuple(longest.get(image, 0) for image in images), deadline)
        albums.keep(album, w.clock())
    if w.clock() > album.deadline:
        raise AlreadyClosed("The time for this assignment is over.", "Take a new one from the marketplace.")
    return album


async def _pictures(w: Winnow, room: asyncio.Semaphore, album: Album, wanted: range, size: int) -> list[bytes]:
    images = [album.images[at] for at in wanted]
    return await _stored(w, room, images, [renditions.rung(album.longest[at], size) for at in wanted])


async def _stored(w: Winnow, room: asyncio.Semaphore, images: Sequence[str], sizes: Sequence[int]) -> list[bytes]:
    """The pictures in the order asked; one that was not prepared is made now."""
    keys = [renditions.key(image, size) for image, size in zip(images, sizes, strict=True)]
    found = await w.store.renditions.many(keys)
    missing = [(image, size) for image, size, key in zip(images, sizes, keys, strict=True) if key not in found]
    for made in await asyncio.gather(*(_make(w, room, image, [size]) for image, size in missing)):
        found |= made
    return [found[key] for key in keys]


async def _make(w: Winnow, room: asyncio.Semaphore, image: str, sizes: Sequence[int]) -> dict[str, bytes]:
    async with room:
        data = await _original(w, image)
        if data is None:
            return {renditions.key(image, size): renditions.removed(size) for size in sizes}
        made = await asyncio.to_thread(
            lambda: {renditions.key(image, size): renditions.render(data, size) for size in sizes}
        )
        await w.store.renditions.put(made)
    if await w.store.takedowns.images([image]):  # while this was made: it is not kept
        await w.store.renditions.delete(list(made))
        return {key: renditions.removed(size) for key, size in zip(made, sizes, strict=True)}
    return made


async def _original(w: Winnow, image: str) -> bytes | None:
    """The bytes of an image; ``None`` when it was taken down."""
    data = await w.blobs.get(image)
    if data is None and not await w.store.takedowns.images([image]):
        raise NotFound("The bytes of this image are missing.", "Tell the requester; skip nothing, return the HIT.")
    return data


def _sealed(w: Winnow, album: Album, position: int, picture: bytes) -> bytes:
    secret = hmac.new(w.secret.encode(), f"seal:{album.assignment}:{position}".encode(), "sha256").digest()
    return renditions.seal(picture, secret)
