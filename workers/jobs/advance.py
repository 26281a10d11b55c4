"""Ask the plan for the next step and take it, until something outside must happen first."""

from typing import Any

from active_learning import rounds
from api.operations import cutting, deciding
from api.operations import rounds as acts
from api.operations.spreading import Spread
from workers.jobs.desk import Desk
from workers.jobs.progress import reporter

STEPS_AT_ONCE = 20
"""A plan that never waits would be a bug; it must not hold a worker for ever."""


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Advance one category (``args["category"]``)."""
    slug = str(args["category"])
    for _ in range(STEPS_AT_ONCE):
        snapshot, policy = await acts.snapshot(desk.winnow, slug)
        action = rounds.plan(snapshot, policy)
        await _say(desk, slug, action)
        if not await _take(desk, slug, action, desk.heavy.over(reporter(desk, "advance", args))):
            return


async def _take(desk: Desk, slug: str, action: rounds.Action, spread: Spread) -> bool:
    """Act; ``False`` when the next step has to wait for people or for a queued job."""
    w = desk.winnow
    match action:
        case rounds.Wait():
            return False
        case rounds.Embed():
            total = sum((await w.store.categories.get(slug))["counts"].values())
            await w.store.jobs.insert("embed", {"category": slug, "total": total}, w.clock())
            return False
        case rounds.Train(round=number):
            await w.store.jobs.insert("train", {"category": slug, "round": number}, w.clock())
            return False
        case rounds.DrawValidation():
            await acts.draw_validation(w, slug, spread)
        case rounds.StartRound():
            await acts.start_round(w, slug, action, spread)
            await w.store.jobs.poke("collect", {"category": slug}, w.clock())
        case rounds.AddWave():
            await acts.add_wave(w, slug, action)
            await w.store.jobs.poke("collect", {"category": slug}, w.clock())
        case rounds.Decide():
            await deciding.decide(w, slug, action)
        case rounds.Cut(round=number):
            await cutting.cut(w, slug, number, spread)
        case rounds.CloseRound(round=number):
            await acts.close_round(w, slug, number)
        case rounds.Finish(reason=reason):
            await acts.finish(w, slug, reason)
    return True


def phrase(action: rounds.Action) -> str:
    """What the category page says of the step that is being taken."""
    match action:
        case rounds.Wait(why=why):
            return f"Waiting for {why}"
        case rounds.DrawValidation():
            return "Drawing validation images"
        case rounds.Embed():
            return "Computing features"
        case rounds.StartRound(number=number, strategy=strategy):
            return f"Round {number}: selecting images ({strategy})"
        case rounds.AddWave(round=number):
            return f"Round {number}: asking for another opinion"
        case rounds.Decide(round=0):
            return "Task sets: deciding from the answers"
        case rounds.Decide(round=number):
            return f"Round {number}: deciding from the answers"
        case rounds.Train(round=number):
            return f"Round {number}: training"
        case rounds.Cut(round=number):
            return f"Round {number}: calibrating and cutting"
        case rounds.CloseRound(round=number):
            return f"Round {number}: closing"
        case rounds.Finish(reason=reason):
            return f"Finished: {reason}"


async def _say(desk: Desk, slug: str, action: rounds.Action) -> None:
    document = await desk.winnow.store.categories.get(slug)
    text = phrase(action)
    if document["state"] == "open" and document["phase"] != text:
        await desk.winnow.store.categories.put(slug, {"phase": text})
