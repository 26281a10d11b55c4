"""A process that only downloads. It never loads what trains models: it starts at once and stays small."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from threadpoolctl import threadpool_limits

from api.operations.context import Winnow, open_winnow
from api.settings import Settings
from scraper.download import Downloader, Scrapes, Workload
from scraper.fetch import open_fetcher
from scraper.fetch.protocol import Fetcher, FetchLimits, agent
from scraper.schemes import schemes
from scraper.shared_pace import SharedPace

SOON_S = 30.0
"""Images that are due within this time are waited for; for later ones the scrape is looked at again."""

LOOK_S = 0.5


class Node:
    """Downloads for a scrape, or for all that are open: an actor of a cluster, or the whole of a process."""

    def run(self, settings: Settings, scrape: str | None, until_done: bool = True, until_stopped: bool = False) -> None:
        """Download until nothing is due soon; without ``until_done`` stay.

        Without ``until_done``, or with ``until_stopped``, SIGTERM and SIGINT end it when what is in hand is settled.
        """
        # Ray runs an actor whose class has coroutines in a loop of its own, so they are not methods.
        uvloop.run(_run(settings, scrape, until_done, until_stopped or not until_done))


async def _run(settings: Settings, scrape: str | None, until_done: bool, until_stopped: bool) -> None:
    stop = asyncio.Event()
    if until_stopped:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_winnow(settings) as w:
        await download(w, scrape, stop, until_done)


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
    load = Workload(
        in_hand=max(usual.in_hand, connections + usual.in_hand // 2), lease=max(usual.lease, 2 * connections)
    )
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
