"""A process that only downloads. It never loads what trains models: it starts at once and stays small."""

import asyncio
import signal

import uvloop

from api.operations.context import open_winnow
from api.settings import Settings
from scraper.work import download


class Node:
    """Downloads for a scrape, or for all that are open: an actor of a cluster, or the whole of a process."""

    def run(self, settings: Settings, scrape: str | None, until_done: bool = True) -> None:
        """Download until nothing is due soon; without ``until_done`` stay until SIGTERM or SIGINT."""
        # Ray runs an actor whose class has coroutines in a loop of its own, so they are not methods.
        uvloop.run(_run(settings, scrape, until_done))


async def _run(settings: Settings, scrape: str | None, until_done: bool) -> None:
    stop = asyncio.Event()
    if not until_done:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_winnow(settings) as w:
        await download(w, scrape, stop, until_done)
