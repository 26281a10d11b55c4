"""Takedowns: somebody asks for the removal of an image, of what is at a URL, or of everything by an author.

First it is refused (an intake that is under way looks again), then it goes: out of every pool with the counters that
knew it, then its bytes, the pictures made of it, its features and facts. A crash anywhere is mended by a repeat, or by
:func:`finish`. What people and models decided about it stays as it was decided (labels are insert-only), and so do its
slots in tasks: who has such a task open sees a grey picture in its place whose answer counts for nothing, and who opens
it from now on is not shown it. Its perceptual hash stays, so that a copy of it stays out. The draw of the validation
images knew nothing of takedowns: what is left of them is as good a sample of what is left of the pool.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from active_learning.domain.errors import InputError
from active_learning.domain.round import Phase
from active_learning.domain.value import Value
from api import renditions
from api.operations import recounting, striking
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document, chunks
from api.store.takedowns import author_key, image_key, named_by, url_key

Author = tuple[str, str]
"""(source, the author as it names him)."""


class TakenDown(Value):
    """What a takedown found: images, and candidates that left a pool now.

    ``waiting`` are categories whose model's labels are being renewed: their candidates go afterwards, by ``finish``;
    everything else of the images is gone.
    """

    images: tuple[str, ...]
    candidates: int
    waiting: tuple[str, ...] = ()


class Refused(Value):
    """Those of the names asked about that are taken down."""

    urls: frozenset[str]
    authors: frozenset[Author]
    images: frozenset[str]


async def by_url(w: Winnow, url: str, by: str, why: str) -> TakenDown:
    """Remove the images that were found at ``url``, wherever else they were found, and refuse it from now on."""
    return await _take_down(w, url_key(_given(url, "URL")), by, why)


async def by_author(w: Winnow, source: str, author: str, by: str, why: str) -> TakenDown:
    """Remove everything by ``author``, as ``source`` names him, and refuse it from now on."""
    return await _take_down(w, author_key(_given(source, "source"), _given(author, "author")), by, why)


async def by_image(w: Winnow, image: str, by: str, why: str) -> TakenDown:
    """Remove the image with this sha256 and refuse its bytes from now on, whether they are here or not."""
    return await _take_down(w, image_key(_given(image, "sha256")), by, why)


async def ask_for_image(w: Winnow, image: str, by: str, why: str) -> None:
    """Refuse the image with this sha256 from now on; :func:`finish` removes what there is of it."""
    key = image_key(_given(image, "sha256"))
    await _refuse(w, [key], key, _given(by, "name of who asks"), _given(why, "reason"))


async def finish(w: Winnow) -> int:
    """Carry out what a crash or a running cut has left of earlier takedowns; returns how many are complete now."""
    reasons = dict.fromkeys(record["because"] for record in await w.store.takedowns.unfinished())
    done = [not (await _carry_out(w, because)).waiting for because in reasons]
    return sum(done)


async def refused(
    w: Winnow, urls: Iterable[str] = (), authors: Iterable[Author] = (), images: Iterable[str] = ()
) -> Refused:
    """Ask before fetching or storing: which of these may not come in."""
    named = {url_key(url): url for url in urls}
    by_whom = {author_key(*author): author for author in authors}
    pictures = {image_key(image): image for image in images}
    found = await w.store.takedowns.refused([*named, *by_whom, *pictures])
    return Refused(
        urls=frozenset(named[key] for key in found & named.keys()),
        authors=frozenset(by_whom[key] for key in found & by_whom.keys()),
        images=frozenset(pictures[key] for key in found & pictures.keys()),
    )


async def _take_down(w: Winnow, key: str, by: str, why: str) -> TakenDown:
    await _refuse(w, [key], key, _given(by, "name of who asks"), _given(why, "reason"))
    return await _carry_out(w, key)


async def _refuse(w: Winnow, keys: Sequence[str], because: str, by: str, why: str) -> None:
    now = w.clock()

    async def work(session: Session) -> None:
        await w.store.takedowns.insert(keys, because, by, why, now, session)
        await w.store.categories.shut_gates(session)

    await w.store.transact(work)


async def _carry_out(w: Winnow, because: str) -> TakenDown:
    """Remove what a takedown names. It finds the images that are left, and those that it had found before."""
    found = await _named(w, because)
    record = await w.store.takedowns.get(because)
    assert record is not None, "it was refused first"
    for some in chunks(found):
        await _refuse(w, [image_key(image) for image in some], because, record["by"], record["why"])
    images = sorted({*found, *await w.store.takedowns.images_of(because)})
    removed, waiting = 0, []
    for category in await w.store.categories.all():
        for some in chunks(images):
            gone = await _leave_pool(w, category["_id"], some)
            removed += gone or 0
            if gone is None and category["_id"] not in waiting:
                waiting.append(category["_id"])
    for some in chunks(images):
        await striking.strike(w, some)
        await _erase(w, some)
    if not waiting:
        await w.store.takedowns.done(because, w.clock())
    return TakenDown(images=tuple(images), candidates=removed, waiting=tuple(waiting))


async def _named(w: Winnow, because: str) -> list[str]:
    kind, names = named_by(because)
    if kind == "url":
        return await w.store.images.found_at(*names)
    if kind == "author":
        return await w.store.images.by_author(*names)
    return list(names)


async def _leave_pool(w: Winnow, slug: str, images: Sequence[str]) -> int | None:
    """Take images out of a category; ``None`` while its cut counts candidates, which ends by setting their number."""

    async def work(session: Session) -> int | None:
        removed = await w.store.candidates.present(slug, images, session)
        if not removed:
            return 0
        newest = await w.store.rounds.newest(slug, session)
        if newest is not None and newest["phase"] == Phase.CUTTING.value:
            return None
        candidates = await w.store.candidates.remove(slug, images, session)
        await w.store.categories.count(slug, _without(candidates), session)
        await w.store.categories.forget(slug, images, session)
        return len(candidates)

    gone = await w.store.transact(work)
    if gone:
        await w.store.scores.forget(slug, images)
        await w.store.model_reports.forget(slug, images)
    return gone


def _without(candidates: Sequence[Document]) -> dict[str, int]:
    """What the counters lose, as dotted names."""
    tree: dict[str, Any] = recounting.empty()
    for candidate in candidates:
        recounting.tally(tree, candidate, 1)
    flat = {name: value for name, value in tree.items() if isinstance(value, int)}
    for name, values in tree.items():
        if isinstance(values, dict):
            flat |= {f"{name}.{key}": value for key, value in values.items()}
    return {name: -value for name, value in flat.items()}


async def _erase(w: Winnow, images: Sequence[str]) -> None:
    """Bytes first and facts last: as long as the facts are there, a repeat finds the image by them."""
    await w.blobs.delete(images)
    await w.store.renditions.delete([key for image in images for key in renditions.keys(image)])
    await w.store.features.delete(await w.store.models.all_backbones(), images)
    await w.store.images.delete(images)


def _given(text: str, what: str) -> str:
    if not text.strip():
        raise InputError(f"The {what} is missing.", "A takedown is recorded with who asked for it and why.")
    return text.strip()
