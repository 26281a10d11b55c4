"""Train a model and score the whole pool with it: Ray tasks. What it finds likely wrong goes back to people."""

from typing import Any

from api.operations import rechecking, scoring
from workers.jobs.desk import Desk
from workers.jobs.progress import reporter


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Train round ``args["round"]`` of ``args["category"]``, score the pool, hand over to the cut.

    A job that starts again finds the model, and scores only the ranges that have no scores yet.
    """
    w, slug, number = desk.winnow, str(args["category"]), int(args["round"])
    model = await desk.heavy.run("train", slug, number)
    ranges = await scoring.shards(w, slug)
    many = [(slug, model, shard) for shard in ranges]
    async for _ in desk.heavy.stream("score_range", many, reporter(desk, "train", args)):
        pass
    await rechecking.recheck(w, slug, number)
    await scoring.scored(w, slug, number, ranges[0].bits)
    await w.store.jobs.poke("advance", {"category": slug}, w.clock())
