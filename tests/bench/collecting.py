"""A collector process that can be killed: ``python -m tests.bench.collecting``, with Winnow's own settings."""

import asyncio
import os
import sys

from api.operations.context import open_winnow
from api.settings import Settings
from tests.api.working import SLUG
from workers.jobs import collect
from workers.jobs.desk import open_desk


async def main() -> None:
    """The job that a worker runs, over and over; what goes wrong comes again."""
    async with open_winnow(Settings.from_env(os.environ)) as w, open_desk(w) as desk:
        while True:
            try:
                await collect.run(desk, {"category": SLUG})
            except Exception as error:  # the market or MongoDB is away
                print(type(error).__name__, error, file=sys.stderr, flush=True)
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
