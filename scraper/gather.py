"""From a source to the queue: every image that it finds becomes a find of the scrape, once."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Sequence

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from api.operations import scraping, takedown
from api.operations.context import Winnow
from api.operations.scraping import NewFind
from api.store.finds import find_id
from api.store.scrapes import ScrapeState
from scraper.admit import Admission, Arrived
from scraper.found import Found, Provenance, Source
from scraper.licences import allowed
from scraper.outcomes import Outcome, Refused

BATCH = 32
"""Images at hand that are read and admitted at a time."""

AGAIN_S = 60.0
"""A source that does not answer is asked again after so long."""


async def gather(w: Winnow, scrape: str, source: Source) -> None:
    """Queue what the source finds, from where it stood, until it ends, the limit is reached, or the scrape is stopped.

    What is at hand (files, members of archives) is admitted on the way and never queued. A source that is out of quota
    or does not answer is asked again later; one that says that the question is wrong ends the scrape.
    """
    document = await w.store.scrapes.get(scrape)
    gate = _Gate(w, document["category"])
    pages = source.pages(document["cursor"])
    try:
        async for page in pages:
            finds = await gate.pass_through(page.images)
            room = await scraping.add_found(w, scrape, finds, page.cursor, page.total)
            if (await w.store.scrapes.get(scrape))["state"] != ScrapeState.OPEN:
                return
            if not room:
                break
    except QuotaExhausted as error:
        await scraping.gather_later(w, scrape, error.seconds, str(error))
    except Unavailable as error:
        await scraping.gather_later(w, scrape, AGAIN_S, str(error))
    except InputError as error:
        await scraping.fail(w, scrape, str(error))
    else:
        await scraping.gathered(w, scrape)
    finally:
        gate.close()
        if isinstance(pages, AsyncGenerator):  # what it has open is closed now, not when it is forgotten
            await pages.aclose()


class _Gate:
    """What is decided without a request: licences, takedowns, and images that are at hand."""

    def __init__(self, w: Winnow, slug: str) -> None:
        self._w = w
        self._slug = slug
        self._admission = Admission(w)

    async def pass_through(self, images: Sequence[Found]) -> list[NewFind]:
        """The finds to store for what the category does not know yet by its URL."""
        policy = (await self._w.store.categories.definition(self._slug)).intake
        known = await self._w.store.finds.known([find_id(self._slug, image.url) for image in images])
        new = [image for image in images if find_id(self._slug, image.url) not in known]
        gone = await takedown.refused(
            self._w, [image.url for image in new], [(one.source, one.author) for one in _provenances(new)]
        )
        finds: list[NewFind] = []
        at_hand: list[Found] = []
        for image in new:
            by = (image.provenance.source, image.provenance.author)
            if image.url in gone.urls or by in gone.authors:
                finds.append(_find(image, Outcome.TAKEN_DOWN))
            elif not allowed(image.provenance.licence, policy.licences):
                licence = image.provenance.licence or "nobody knows its licence"
                finds.append(_find(image, Outcome.LICENCE, licence))
            elif image.read is None:
                finds.append(_find(image))
            else:
                at_hand.append(image)
        for start in range(0, len(at_hand), BATCH):
            finds += await self._admit(at_hand[start : start + BATCH])
        return finds

    async def _admit(self, images: Sequence[Found]) -> list[NewFind]:
        read = await asyncio.to_thread(lambda: [_read(image) for image in images])
        finds = [
            _find(image, got.outcome, got.detail)
            for image, got in zip(images, read, strict=True)
            if isinstance(got, Refused)
        ]
        whole = [(image, data) for image, data in zip(images, read, strict=True) if isinstance(data, bytes)]
        arrived = [Arrived(image.name, image.url, data, _fields(image)) for image, data in whole]
        admitted = await self._admission.admit(self._slug, arrived)
        return finds + [
            _find(image, what.outcome, what.detail, what.image)
            for (image, _), what in zip(whole, admitted, strict=True)
        ]

    def close(self) -> None:
        """End what runs beside the event loop."""
        self._admission.close()


def _provenances(images: Sequence[Found]) -> list[Provenance]:
    return [image.provenance for image in images if image.provenance.author]


def _read(image: Found) -> bytes | Refused:
    try:
        return image.read() if image.read is not None else b""
    except Refused as refused:
        return refused
    except OSError as error:
        return Refused(Outcome.UNREADABLE, f"It cannot be read: {error.strerror or error}.")


def _fields(image: Found) -> dict[str, str]:
    return {name: value for name, value in dataclasses.asdict(image.provenance).items() if value}


def _find(image: Found, outcome: Outcome | None = None, detail: str = "", stored: str | None = None) -> NewFind:
    word = "" if outcome is None else outcome.value
    return NewFind(image.url, image.name, _fields(image), image.sha1, word, detail, stored)
