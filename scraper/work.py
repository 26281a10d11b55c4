"""What a process does for a scrape: all of a small one, or its share of the downloading for a large one."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from threadpoolctl import threadpool_limits

from api.operations import scraping
from api.operations.context import Winnow
from api.settings import Settings
from api.store.connection import Document
from api.store.scrapes import ScrapeState
from scraper.download import Downloader, Scrapes, Workload
from scraper.fetch import open_fetcher
from scraper.fetch.protocol import Fetcher, FetchLimits, agent
from scraper.gather import gather
from scraper.shared_pace import SharedPace
from scraper.sources import Tools, open_source, schemes

MANY = 500
"""From so many waiting images on more than one process fetches them."""

SOON_S = 30.0
"""Images that are due within this time are waited for; for later ones the scrape is looked at again."""

LOOK_S = 0.5

ENDED = (ScrapeState.DONE, ScrapeState.FAILED, ScrapeState.PAUSED)
"""Nothing happens by itself any more."""

Crew = Callable[[str, asyncio.Event], Awaitable[None]]
"""Fetch a scrape's images with many processes, until none is due or the event is set."""


def limits(settings: Settings) -> FetchLimits:
    """The bounds of one process's fetcher."""
    return FetchLimits(
        connections=settings.scrape_connections,
        per_host=settings.scrape_connections if settings.scrape_per_second == 0 else 4,
        user_agent=agent(settings.contact or settings.public_url),
        networks=settings.scrape_networks,
    )


@asynccontextmanager
async def fetcher(w: Winnow) -> AsyncIterator[Fetcher]:
    """A polite fetcher that shares its turns at hosts with all others of this installation."""
    per_second = w.settings.scrape_per_second
    pace = SharedPace(w, 1.0 / per_second if per_second else 0.0)
    opened = open_fetcher(limits(w.settings), pace)
    try:
        yield opened
    finally:
        await opened.close()


async def download(w: Winnow, scrape: str | None, stop: asyncio.Event | None = None, until_done: bool = True) -> None:
    """Fetch for one scrape, or for all that are open, until nothing is due soon or ``stop`` is set.

    Without ``until_done`` it stays and waits for what others find.
    """
    stop = stop or asyncio.Event()
    connections = w.settings.scrape_connections
    usual = Workload()
    load = Workload(in_hand=max(usual.in_hand, connections + usual.batch), lease=max(usual.lease, 2 * connections))
    who = f"{socket.gethostname()}:{os.getpid()}"
    # Products of matrices as small as a hash's take more time with several threads than with one.
    with threadpool_limits(1, "blas"):
        await _download(w, scrape, load, who, stop, until_done)


async def _download(
    w: Winnow, scrape: str | None, load: Workload, who: str, stop: asyncio.Event, until_done: bool
) -> None:
    async with fetcher(w) as opened:
        downloader = Downloader(w, opened, who, load, schemes(w.settings, limits(w.settings)))
        try:
            while not stop.is_set():
                await downloader.run(_open(w, scrape), stop)
                if until_done and not await _more_soon(w, scrape):
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_S)
        finally:
            downloader.close()


def _open(w: Winnow, scrape: str | None) -> Scrapes:
    async def running() -> list[str]:
        open_ones = await w.store.scrapes.running()
        return [one for one in open_ones if scrape in (None, one)]

    return running


async def _more_soon(w: Winnow, scrape: str | None) -> bool:
    for one in await _open(w, scrape)():
        document = await w.store.scrapes.get(one)
        due = await w.store.finds.next_due(one)
        if due is None:
            if not document["gathered"] and document["gather_at"] <= w.clock():
                return True
        elif (due["due_at"] - w.clock()).total_seconds() < SOON_S:
            return True
    return False


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
        await asyncio.wait([gathering], timeout=LOOK_S / 10)
