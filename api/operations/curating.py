"""What a researcher decides himself: gold, examples, pausing and resuming."""

from collections.abc import Mapping
from typing import Any

from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Label, Source
from active_learning.domain.round import CategoryState
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.operations.intake import schedule
from api.store import Session

EXAMPLES = 4


class GoldGiven(Value):
    """How many answers became gold now, and how much gold the category has now."""

    saved: int
    gold_yes: int
    gold_no: int


async def give_gold(
    w: Winnow, slug: str, answers: Mapping[str, bool], source: Source, provenance: dict[str, Any]
) -> GoldGiven:
    """Turn a researcher's answers (image -> yes/no) into gold.

    Images that are with people, already decided, or drawn for validation are left alone: validation images must be
    answered by the same people as the rest, or they would not measure them.
    """
    saved = 0
    for value in (True, False):
        images = [image for image, answer in answers.items() if answer is value]
        if images:
            saved += await _give(w, slug, images, value, source, provenance)
    await _choose_examples(w, slug)
    document = await w.store.categories.get(slug)
    return GoldGiven(saved=saved, gold_yes=document["gold"]["yes"], gold_no=document["gold"]["no"])


async def _give(
    w: Winnow, slug: str, images: list[str], value: bool, source: Source, provenance: dict[str, Any]
) -> int:
    word = "yes" if value else "no"

    async def work(session: Session) -> int:
        only = {
            "image": {"$in": images},
            "state": State.UNKNOWN.value,
            "role": Role.TRAIN.value,
            "votes_wanted": False,
            "disputed": False,
        }
        chosen = [c["image"] for c in await w.store.candidates.find(slug, only, ["image"], session=session)]
        fields = {"role": Role.GOLD.value, "answer": value, "source": source.value, "gold": value}
        moved = await w.store.candidates.move(slug, chosen, State.UNKNOWN, State.LABELED, fields, session)
        now = w.clock()
        await w.store.labels.insert(
            [
                Label(
                    id=f"{slug}:{image}:{source}",
                    category=slug,
                    image=image,
                    value=value,
                    source=source,
                    round=0,
                    provenance=provenance,
                    decided_at=now,
                )
                for image in chosen
            ],
            session,
        )
        changes = {
            "counts.unknown": -moved,
            "counts.labeled": moved,
            f"decided.gold_{word}": moved,
            f"gold.{word}": moved,
        }
        await w.store.categories.count(slug, changes, session)
        return moved

    return await w.store.transact(work)


async def _choose_examples(w: Winnow, slug: str) -> None:
    """Show annotators the first gold of each side as examples, until the researcher names others."""
    category = await w.store.categories.definition(slug)
    if category.examples_yes and category.examples_no:
        return
    examples = {
        f"category.examples_{word}": [
            c["image"]
            for c in await w.store.candidates.find(slug, {"gold": value, "role": "gold"}, ["image"], EXAMPLES)
        ]
        for word, value in (("yes", True), ("no", False))
    }
    await w.store.categories.put(slug, examples)


async def pause(w: Winnow, slug: str) -> None:
    """Stop planning new work; what is with people is still collected and paid."""
    await w.store.categories.put(slug, {"state": CategoryState.PAUSED.value, "reason": "paused by a researcher"})


async def resume(w: Winnow, slug: str) -> int:
    """Go on after a pause, an end or failed jobs; returns how many failed jobs get another try."""
    await w.store.categories.get(slug)
    await w.store.categories.put(slug, {"state": CategoryState.OPEN.value, "reason": ""})
    await schedule(w, slug)
    return await w.store.jobs.revive(w.clock())
