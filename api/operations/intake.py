"""Images and categories come in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from active_learning import splits
from active_learning.domain.category import Category
from active_learning.domain.intake import HASHED_SIDE
from active_learning.domain.value import Value
from api.operations import takedown
from api.operations.context import Winnow
from api.store import Session
from api.store.categories import Gate
from api.store.connection import Document
from api.store.hashes import HashBlock
from api.store.images import DuplicateKeyError
from api.store.takedowns import author_key, image_key, url_key


@dataclass(frozen=True, slots=True)
class NewImage:
    """Inspected bytes on their way in. ``name`` is where it was found, relative to its source.

    ``phash`` is the perceptual hash (64 bits, unsigned), ``fine`` the one of higher frequencies beside it, ``url``
    where the bytes were, ``status`` what the server said (0: no server was asked), ``provenance`` the fields of
    :class:`scraper.found.Provenance`.
    """

    sha256: str
    data: bytes
    format: str
    width: int
    height: int
    name: str
    source: str
    phash: int | None = None
    fine: int = 0
    sharpness: float | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    status: int = 0

    @property
    def hashed(self) -> bool:
        """Whether its perceptual hash tells it from others: a tiny picture's does not."""
        return self.phash is not None and min(self.width, self.height) >= HASHED_SIDE

    @property
    def author(self) -> str:
        """The author as its source names him."""
        return self.provenance.get("author", "")

    @property
    def found_by(self) -> str:
        """The source that names its author."""
        return self.provenance.get("source", "") or self.source


class Kind(StrEnum):
    """What became of an image that was handed in."""

    ADDED = "added"
    """A new candidate."""
    DUPLICATE = "duplicate"
    """A candidate already, or twice in the same call."""
    NEAR_DUPLICATE = "near_duplicate"
    """It looks like an earlier image of the category; nothing of it is stored."""
    TAKEN_DOWN = "taken_down"
    """Somebody asked for the removal of its URL, its author's images or its bytes."""


class Added(Value):
    """What an intake changed: pictures that are new to the store, and candidates that are new to the category.

    ``kinds`` says of each image, in the order in which they were handed in, what became of it, and ``earlier`` which
    image it is a near-duplicate of.
    """

    images: int
    candidates: int
    duplicates: int
    kinds: tuple[Kind, ...] = ()
    earlier: tuple[str | None, ...] = ()


class Duplicates(Protocol):
    """The perceptual hashes of one category's pool, in the order in which they came in, and what is near what.

    The caller keeps one a process and category, and never touches it: :func:`add_images` keeps it up to date.
    """

    def __len__(self) -> int:
        """How many hashes it has been given by ``extend``."""

    def extend(self, hashes: NDArray[np.uint64], ids: Sequence[str]) -> None:
        """Add the hashes [N, 2] (perceptual, fine) of the images ``ids`` [N]."""

    def decide(self, hashes: NDArray[np.uint64], ids: Sequence[str]) -> list[str | None]:
        """The first image that each [N] is a near-duplicate of, among those given by ``extend`` and those before it
        in ``ids`` that are kept; ``None`` for one that is kept. Changes nothing."""

    def since(self, start: int) -> set[str]:
        """The images given from number ``start`` on."""


async def create_category(w: Winnow, category: Category) -> None:
    """Create a category and the recurring jobs that keep its loop going; raises ``InputError`` if it exists."""
    await w.store.categories.insert(category, w.clock())
    await schedule(w, category.slug)


async def schedule(w: Winnow, slug: str) -> None:
    """Queue the category's recurring jobs, unless they are queued already."""
    for kind in ("collect", "advance"):
        await w.store.jobs.insert(kind, {"category": slug}, w.clock(), every_s=w.settings.poll_seconds)
    await w.store.jobs.insert("erase", {}, w.clock(), every_s=30.0)


Also = Callable[[Added, Session], Awaitable[None]]
"""Writes, in the transaction of an intake, what depends on what became of the images. It may run more than once."""


async def add_images(
    w: Winnow, slug: str, images: Sequence[NewImage], near: Duplicates | None = None, also: Also | None = None
) -> Added:
    """Store pictures and make them unknown candidates of a category, but near-duplicates of what is there.

    Bytes come first and candidates last, so that a crash leaves no candidate without its picture. The candidates, their
    facts and their perceptual hashes come in one transaction, and only if no other intake has changed the pool since
    the decision: then it is made again. So each image, and each group of near-duplicates, comes in once however many
    processes bring it; a repeat changes nothing and says the same. Without ``near``, near-duplicates come in too.

    An image that arrives after the validation draw joins the validation set by its own draw, as the design wants it.
    """
    intake = _Intake(w, slug, images, near, also)
    while not await intake.attempt():
        pass
    return intake.added()


class _Intake:
    """One call: what is decided so far of its images, and whose bytes are stored."""

    def __init__(
        self, w: Winnow, slug: str, images: Sequence[NewImage], near: Duplicates | None, also: Also | None
    ) -> None:
        self._w, self._slug, self._near, self._also = w, slug, near, also
        self._given = images
        unique: dict[str, NewImage] = {}
        for image in images:
            unique.setdefault(image.sha256, image)
        self._images = list(unique.values())
        self._kinds: dict[str, Kind] = {}
        self._earlier: dict[str, str] = {}
        self._stored: set[str] = set()
        self._new_images = 0
        self._gate: Gate | None = None
        self._seen: _Seen | None = None

    async def attempt(self) -> bool:
        """Look, decide, and add; ``False`` when the pool has changed meanwhile and nothing was added."""
        w, slug, near = self._w, self._slug, self._near
        gate, self._gate = self._gate or await w.store.categories.gate(slug), None
        if near is not None and not await _catch_up(w, slug, near, gate.hashed):
            return False
        if self._seen is None or self._seen.stale(gate, near):
            self._seen = await self._look(gate)
            if near is not None and len(near) != gate.hashed:
                return False
        seen = self._seen
        if late := seen.down & self._stored:  # taken down between the bytes and now: they go again
            self._stored -= late
            for image in sorted(late):
                await takedown.by_image(w, image, "winnow", "it arrived while its URL or author was taken down")
            return False
        kept = self._decide(seen.down, seen.present)
        fresh = [image for image in kept if image.sha256 not in seen.known]
        if await self._store_bytes(fresh):
            self._gate = await w.store.categories.gate(slug)
            if self._gate.intakes != gate.intakes:
                return False  # it took a while, and others were faster: their images are read before the act, not after
        self._new_images = len(fresh)
        now = w.clock()
        if (kept or self._also) and not await self._add(gate, kept, fresh, now):
            self._gate = None
            return False
        places = [i for i in self._images if i.url and i.url not in seen.known.get(i.sha256, {i.url})]
        await w.store.images.add_places(
            {i.sha256: _place(i, now) for i in places if self._kinds[i.sha256] in (Kind.ADDED, Kind.DUPLICATE)}
        )
        return True

    async def _look(self, gate: Gate) -> "_Seen":
        ids = _ids(self._images)
        down, present, known = await asyncio.gather(
            self._taken_down(), self._w.store.candidates.present(self._slug, ids), self._w.store.images.known(ids)
        )
        return _Seen(gate, frozenset(ids), down, present, known)

    async def _taken_down(self) -> set[str]:
        """The images that are refused, by whichever of their three names."""
        names = {
            image.sha256: {
                image_key(image.sha256),
                *([url_key(image.url)] if image.url else ()),
                *([author_key(image.found_by, image.author)] if image.author else ()),
            }
            for image in self._images
        }
        refused = await self._w.store.takedowns.refused(set().union(*names.values()))
        return {image for image, own in names.items() if own & refused} if refused else set()

    def _decide(self, down: set[str], present: set[str]) -> list[NewImage]:
        """Say of each image what becomes of it; returns those that come in."""
        self._kinds, self._earlier = {}, {}
        for image in self._images:
            taken = image.sha256 in down
            known = Kind.DUPLICATE if image.sha256 in present else Kind.ADDED
            self._kinds[image.sha256] = Kind.TAKEN_DOWN if taken else known
        if self._near is not None:
            asked = [i for i in self._images if i.hashed and self._kinds[i.sha256] is Kind.ADDED]
            for image, like in zip(asked, self._near.decide(_hashes(asked), _ids(asked)), strict=True):
                if like is not None:
                    self._kinds[image.sha256] = Kind.NEAR_DUPLICATE
                    self._earlier[image.sha256] = like
        return [image for image in self._images if self._kinds[image.sha256] is Kind.ADDED]

    async def _store_bytes(self, fresh: Sequence[NewImage]) -> bool:
        """Store what is not stored yet; whether there was anything."""
        missing = {image.sha256: image.data for image in fresh if image.sha256 not in self._stored}
        if missing:
            await self._w.blobs.put(missing)
            self._stored |= set(missing)
        return bool(missing)

    async def _add(self, gate: Gate, kept: Sequence[NewImage], fresh: Sequence[NewImage], now: datetime) -> bool:
        w, slug = self._w, self._slug
        hashed = [image for image in kept if image.hashed]
        block = HashBlock(gate.hashed, _ids(hashed), _hashes(hashed))
        draws = {image.sha256: splits.draw(gate.seed, image.sha256) for image in kept}
        below = gate.validation_below
        drawn = 0 if below is None else sum(draw < below for draw in draws.values())
        changes = {"counts.unknown": len(kept), "validation.total": drawn}

        async def work(session: Session) -> bool:
            if kept:
                if not await w.store.categories.pass_gate(slug, gate, len(hashed), changes, session):
                    return False
                await w.store.images.insert([_facts(image, now) for image in fresh], now, session)
                await w.store.candidates.insert(slug, draws, now, session, below)
                await w.store.hashes.insert(slug, block, session)
            if self._also is not None:
                await self._also(self.added(), session)
            return True

        try:
            passed = await w.store.transact(work)
        except DuplicateKeyError:  # another category has taken in the same picture, or another process a tiny one
            self._seen = None
            return False
        if not passed:
            return False
        if self._near is not None and len(self._near) == gate.hashed:
            self._near.extend(block.hashes, block.images)
        return True

    def added(self) -> Added:
        """The outcome of every image in the order given: of equal ones only the first can be new."""
        images, kinds = self._given, []
        seen: set[str] = set()
        for image in images:
            kind = self._kinds[image.sha256]
            kinds.append(Kind.DUPLICATE if kind is Kind.ADDED and image.sha256 in seen else kind)
            seen.add(image.sha256)
        return Added(
            images=self._new_images,
            candidates=kinds.count(Kind.ADDED),
            duplicates=kinds.count(Kind.DUPLICATE),
            kinds=tuple(kinds),
            earlier=tuple(self._earlier.get(image.sha256) for image in images),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the store knew of the images ``ids`` after ``gate`` was read."""

    gate: Gate
    ids: frozenset[str]
    down: set[str]
    present: set[str]
    known: Mapping[str, set[str]]

    def stale(self, gate: Gate, near: Duplicates | None) -> bool:
        """Whether it may have changed by ``gate``, as far as the hashes of what has come in since tell.

        They are silent about images without one: whoever adds such an image a second time gets an error.
        """
        if gate.intakes == self.gate.intakes:
            return False
        if near is None or gate.shut != self.gate.shut or not self.present <= self.known.keys():
            return True
        return not self.ids.isdisjoint(near.since(self.gate.hashed))


async def _catch_up(w: Winnow, slug: str, near: Duplicates, hashed: int) -> bool:
    """Give ``near`` the hashes that it lacks of the category's ``hashed``; ``False`` when there are more by now.

    Tasks of one process share it: between two awaits each of them finds it whole.
    """
    while len(near) < hashed:
        blocks = await w.store.hashes.after(slug, len(near))
        if not blocks:
            raise LookupError(f"{slug} has {hashed} perceptual hashes, and those from {len(near)} on are missing")
        for block in blocks:
            if block.start == len(near):
                near.extend(block.hashes, block.images)
    return len(near) == hashed


def _ids(images: Sequence[NewImage]) -> list[str]:
    return [image.sha256 for image in images]


def _hashes(images: Sequence[NewImage]) -> NDArray[np.uint64]:
    return np.array([(image.phash, image.fine) for image in images], dtype=np.uint64).reshape(-1, 2)


def _facts(image: NewImage, now: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "_id": image.sha256,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bytes": len(image.data),
        **_place(image, now),
    }
    if image.phash is not None:  # BSON's integers have a sign
        facts["phash"] = image.phash - (1 << 64) if image.phash >> 63 else image.phash
    if image.sharpness is not None:
        facts["sharpness"] = image.sharpness
    return facts


def _place(image: NewImage, now: datetime) -> Document:
    return {
        "url": image.url,
        "name": image.name,
        "source": image.found_by,
        "licence": image.provenance.get("licence", ""),
        "provenance": {name: value for name, value in image.provenance.items() if value},
        "fetched_at": now,
        "status": image.status,
    }
