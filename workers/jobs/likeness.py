"""Search a large pool for what looks like one of its images: Ray tasks over key ranges."""

from typing import Any

from api.operations import likeness
from workers.jobs.desk import Desk
from workers.jobs.progress import reporter


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Search the pool of ``args["category"]`` for images like ``args["image"]``; a repeat finds the same."""
    spread = desk.heavy.over(reporter(desk, "likeness", args))
    await likeness.search(desk.winnow, str(args["category"]), str(args["image"]), spread)
