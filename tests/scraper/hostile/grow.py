"""Fetches URLs at the same time and prints by how many bytes the process has grown at most, and their outcomes.

Usage: grow.py ENGINE HARMLESS-URL URL...
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from scraper.fetch import open_fetcher
from scraper.fetch.pace import LocalPace
from scraper.fetch.protocol import Fetcher, FetchLimits, Request
from scraper.outcomes import Refused


def kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


async def end(fetcher: Fetcher, url: str) -> str:
    try:
        return f"read-{len((await fetcher.fetch(Request(url))).body)}"
    except Refused as refused:
        return refused.outcome.value


async def main(engine: str, harmless: str, urls: list[str]) -> None:
    limits = FetchLimits(networks=("127.0.0.1/32",), per_host=64)
    fetcher = open_fetcher(limits, LocalPace(0.0), engine)  # type: ignore[arg-type]
    await asyncio.gather(*(end(fetcher, harmless) for _ in range(16)))
    before = kib("VmRSS")
    ends = await asyncio.gather(*(end(fetcher, url) for url in urls))
    print((kib("VmHWM") - before) * 1024, *ends)
    await fetcher.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
