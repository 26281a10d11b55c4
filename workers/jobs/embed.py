"""Features for every image that has none: Ray tasks over key ranges."""

from typing import Any

from api.operations import modelling
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Embed the pool of ``args["category"]``; ranges that are done already are not touched again."""
    slug = str(args["category"])
    await desk.heavy.run("prepare_backbone", slug)
    ranges = await modelling.unembedded_ranges(desk.winnow, slug)
    await desk.heavy.map("embed_range", [(slug, first, last) for first, last in ranges])
    await desk.winnow.store.jobs.poke("advance", {"category": slug}, desk.winnow.clock())
