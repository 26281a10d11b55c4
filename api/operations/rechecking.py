"""People's labels that are likely wrong go back to people.

A model that never saw an image is sure of the other answer: either the model errs, and then the image teaches it the
more, or people did. Other people are asked, and all answers decide together. Each image goes back once at most.
"""

from collections.abc import Sequence

from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Label, Source
from api.operations.context import Winnow
from api.store import Session


async def recheck(w: Winnow, slug: str, number: int, suspects: Sequence[str]) -> int:
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
