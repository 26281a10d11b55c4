"""Features for every image that has none: Ray tasks over key ranges."""

from typing import Any

from api.operations import designing, modelling, scoring
from workers.jobs.desk import Desk
from workers.jobs.progress import reporter


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Embed the pool of ``args["category"]``; images that have features already are not touched again.

    Images that came after the last training get the scores of that model at once: selection and cuts know only what
    is scored.
    """
    w, slug, progress = desk.winnow, str(args["category"]), reporter(desk, "embed", args)
    await desk.heavy.run("prepare_backbone", slug)
    ranges = await modelling.unembedded_ranges(w, slug)
    async for _ in desk.heavy.stream("embed_range", [(slug, shard) for shard in ranges], progress):
        pass
    drawn = await designing.in_force(w, slug)
    # The pilot first: what is with people shows the score of the newest model.
    for scored in (None if drawn is None else drawn.scored, await scoring.in_force(w, slug)):
        if scored is not None:
            many = [(slug, scored.model, shard) for shard in scored.shards]
            async for _ in desk.heavy.stream("score_range", many, progress):
                pass
    await designing.join_late(w, slug, desk.heavy.over(progress))
    await w.store.jobs.poke("advance", {"category": slug}, w.clock())
