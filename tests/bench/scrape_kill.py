"""20 times kill -9 of a Ray actor, a node or MongoDB in the middle of 20,000 images: what is lost, doubled, repeated.

The peer is img2dataset's own answer to one kill: 1,262 of 8,000 images fetched again (measured once, by shards).
"""

import asyncio
import tempfile
from pathlib import Path

from tests.bench.killing import Victim, plant
from tests.bench.killing import run as run_with_kills
from tests.bench.pictures import write_pictures
from tests.bench.result import Benchmark, Row
from tests.bench.scrape import image_server

IMAGES = 20_000
RUNS = 4
KILLS: tuple[Victim, ...] = ("actor", "node", "mongod", "actor", "node")
"""In each run."""
IN_HAND = 64
REPEATED_BY_PEER = 1_262


def run() -> Benchmark:
    """Kill, and count."""
    with tempfile.TemporaryDirectory(prefix="winnow-bench-kill-") as name:
        folder = Path(name)
        write_pictures(folder / "pictures", IMAGES)
        with image_server(folder / "pictures", 0.0) as url:
            return asyncio.run(_run(folder, url))


async def _run(folder: Path, url: str) -> Benchmark:
    async with plant(folder) as place:
        runs = [await run_with_kills(place, url, IMAGES, list(KILLS), seed, print) for seed in range(RUNS)]
    kills = sum(one.kills for one in runs)
    repeated = [one.repeated / one.kills for one in runs]

    def none(name: str, numbers: list[int]) -> Row:
        peer = {"name": "images", "value": IMAGES * RUNS}
        return Row(name, "over all runs", "images", sum(numbers), peer, 0.0, numbers, less=True, limit=0)

    return Benchmark(
        [
            Row(
                *("repeated downloads a kill", f"{kills} kills in {RUNS} runs of {IMAGES:,} images", "images"),
                *(round(sum(repeated) / RUNS, 1), {"name": "img2dataset, one kill", "value": REPEATED_BY_PEER}, 1.0),
                *([round(one, 1) for one in repeated],),
                less=True,
                limit=IN_HAND,
            ),
            none("lost", [one.lost for one in runs]),
            none("doubled", [one.doubled for one in runs]),
        ]
    )
