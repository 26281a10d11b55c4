"""The whole of a scrape: ask the source, have its images fetched, end it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from api.operations import scraping
from api.operations.context import Winnow
from api.store.connection import Document
from api.store.scrapes import ScrapeState
from scraper.fetch.protocol import Fetcher
from scraper.gather import gather
from scraper.node import download, fetcher
from scraper.sources.registry import Tools, open_source

MANY = 500
"""From so many waiting images on more than one process fetches them."""

LOOK_S = 0.05

ENDED = (ScrapeState.DONE, ScrapeState.FAILED, ScrapeState.PAUSED)
"""Nothing happens by itself any more."""

Crew = Callable[[str, asyncio.Event], Awaitable[None]]
"""Fetch a scrape's images with many processes, until none is due or the event is set."""


async def work_on(w: Winnow, scrape: str, crew: Crew, stop: asyncio.Event) -> None:
    """Take a scrape as far as it goes now: gather, fetch, and end it when all that was found has an outcome.

    ``crew`` fetches where many images wait. Repeat it until the scrape has ended: it returns early where a source or a
    host wants to be left alone for a while. The job of a scrape that has ended is removed.
    """
    await scraping.wake(w, scrape)
    document = await w.store.scrapes.get(scrape)
    if document["state"] == ScrapeState.OPEN:
        async with fetcher(w) as opened, _gathering(w, document, opened, stop) as gathering:
            await _something_to_do(w, scrape, gathering)
            tally = await w.store.scrapes.tally(scrape, w.clock())
            await (crew(scrape, stop) if tally.waiting >= MANY else download(w, scrape, stop))
        await scraping.finish_if_done(w, scrape)
    if (await w.store.scrapes.get(scrape))["state"] in ENDED:
        await w.store.jobs.remove("scrape", {"scrape": scrape})


@asynccontextmanager
async def _gathering(
    w: Winnow, document: Document, opened: Fetcher, stop: asyncio.Event
) -> AsyncIterator[asyncio.Task[None]]:
    """Ask the source, beside what is done in the block, if it is its time; at the end wait for it, unless ``stop``."""

    async def ask() -> None:
        if not document["gathered"] and document["gather_at"] <= w.clock():
            source = open_source(document["source"], document["options"], Tools(w.settings, opened))
            await gather(w, document["_id"], source)

    gathering = asyncio.create_task(ask())
    stopping = asyncio.create_task(stop.wait())
    try:
        yield gathering
        await asyncio.wait([gathering, stopping], return_when=asyncio.FIRST_COMPLETED)
        if gathering.done():
            gathering.result()
    finally:
        gathering.cancel()
        stopping.cancel()
        await asyncio.gather(gathering, stopping, return_exceptions=True)


async def _something_to_do(w: Winnow, scrape: str, gathering: asyncio.Task[None]) -> None:
    """Wait until images wait, or nothing more comes."""
    while not gathering.done():
        if (await w.store.scrapes.tally(scrape, w.clock())).waiting:
            return
        await asyncio.wait([gathering], timeout=LOOK_S)
