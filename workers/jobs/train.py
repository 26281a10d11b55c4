"""Train a model and score the whole pool with it: Ray tasks."""

from typing import Any

from api.operations import modelling
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Train round ``args["round"]`` of ``args["category"]``, score the pool, hand over to the cut."""
    slug, number = str(args["category"]), int(args["round"])
    model = await desk.heavy.run("train", slug, number)
    ranges = await modelling.score_ranges(desk.winnow, slug)
    await desk.heavy.map("score_range", [(slug, model, first, last) for first, last in ranges])
    await modelling.scored(desk.winnow, slug, number)
    await desk.winnow.store.jobs.poke("advance", {"category": slug}, desk.winnow.clock())
