"""Work on a scrape: a small one in this process, a large one with a crew of Ray actors."""

import asyncio
from typing import Any

from scraper.node import Node
from scraper.work import work_on
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Take the scrape ``args["scrape"]`` as far as it goes now. The job comes back until the scrape has ended."""

    async def crew(scrape: str, stop: asyncio.Event) -> None:
        await desk.heavy.crew(Node, scrape)

    await work_on(desk.winnow, str(args["scrape"]), crew, asyncio.Event())
