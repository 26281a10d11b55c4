"""People's labels that are likely wrong go back to people.

A model that never saw an image is sure of the other answer: either the model errs, and then the image teaches it the
more, or people did. Other people are asked, and all answers decide together. Each image goes back once at most.
"""

from collections.abc import Sequence

import numpy as np

from active_learning import label_errors
from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Label, Source
from api.operations import modelling
from api.operations.context import Winnow
from api.store import Session


async def recheck(w: Winnow, slug: str, number: int) -> int:
    """Give back the most suspicious labels, ``policy.recheck`` at most, after the training of a round; says how many.

    Repeating the call changes nothing.
    """
    most = (await w.store.categories.definition(slug)).policy.recheck
    if not most or await w.store.candidates.find(slug, {"rechecked": number}, ["image"], 1):
        return 0
    return await give_back(w, slug, number, (await suspects(w, slug, number))[:most])


async def suspects(w: Winnow, slug: str, number: int) -> list[str]:
    """The labels that may go back and that contradict a confident model of round ``number``, the worst first."""
    scores = await modelling.out_of_fold(w, f"{slug}:{number}")
    only = {"state": State.LABELED.value, "role": Role.TRAIN.value, "image": {"$in": sorted(scores)}}
    labeled = await w.store.candidates.find(slug, only, ["image", "answer", "source", "gold", "rechecked"])
    found = label_errors.likely_errors(
        np.array([c["answer"] for c in labeled], dtype=bool),
        np.array([scores[c["image"]] for c in labeled], dtype=np.float64),
    )
    ranked = [labeled[at] for at in found.positions.tolist()]
    return [c["image"] for c in ranked if c["source"] == Source.HUMAN and c["gold"] is None and "rechecked" not in c]


async def give_back(w: Winnow, slug: str, number: int, suspects: Sequence[str]) -> int:
    """Take back the labels of ``suspects`` after the training of round ``number``; returns how many went back.

    Only what people decided outside validation and gold can go back: validation images keep answers that no model has
    touched, and gold is what people are checked by. Repeating the call changes nothing.
    """
    only = {
        "image": {"$in": list(suspects)},
        "state": State.LABELED.value,
        "role": Role.TRAIN.value,
        "source": Source.HUMAN.value,
        "gold": None,
        "rechecked": {"$exists": False},
    }
    found = await w.store.candidates.find(slug, only, ["image", "answer"])
    moved = 0
    for value in (True, False):
        images = [candidate["image"] for candidate in found if candidate["answer"] is value]
        moved += await _take_back(w, slug, number, images, value)
    return moved


async def _take_back(w: Winnow, slug: str, number: int, images: Sequence[str], value: bool) -> int:
    if not images:
        return 0
    labels = [
        Label(
            id=f"{slug}:{image}:recheck:{number}",
            category=slug,
            image=image,
            value=None,
            source=Source.HUMAN,
            round=number,
            provenance={"why": "likely wrong: the model, trained without it, is sure of the other answer"},
            decided_at=w.clock(),
        )
        for image in images
    ]
    fields = {"answer": None, "source": None, "votes_wanted": True, "rechecked": number}

    async def work(session: Session) -> int:
        moved = await w.store.candidates.move(slug, images, State.LABELED, State.UNKNOWN, fields, session)
        if moved != len(images):
            raise RuntimeError(f"{len(images) - moved} candidates of {slug} left the state labeled during a recheck")
        await w.store.labels.insert(labels, session)
        changes = {
            "counts.labeled": -moved,
            "counts.unknown": moved,
            f"decided.human_{'yes' if value else 'no'}": -moved,
            "wants_votes.train": moved,
        }
        await w.store.categories.count(slug, changes, session)
        return moved

    return await w.store.transact(work)
