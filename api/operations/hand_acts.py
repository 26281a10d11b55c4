"""What a curator does to images that he has selected in the pool: each act says what it changed, and can be undone."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

from active_learning.domain.candidate import Role
from active_learning.domain.choice import HandAct
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.label import Source
from active_learning.domain.value import Value
from api.operations import choosing, curating, excluding, task_sets
from api.operations.context import Winnow
from api.operations.excluding import By

MOST = 1_000
"""Images of one act."""

ALREADY = {
    "exclude": "excluded already",
    "bring-back": "not excluded",
    "ask": "in the set already, or more than a set holds",
}


class Act(StrEnum):
    """What can be done by hand."""

    GOLD_YES = "gold-yes"
    GOLD_NO = "gold-no"
    EXCLUDE = "exclude"
    BRING_BACK = "bring-back"
    ASK = "ask"


class Done(Value):
    """An act: who did it, to which images, which of them it ``changed``, and why not the others (reason -> how many).

    ``set`` is the number of the task set that images were added to.
    """

    id: str
    act: Act
    by: str
    images: tuple[str, ...]
    changed: tuple[str, ...]
    left: Mapping[str, int]
    set: int | None = None
    undone: bool = False


async def do(w: Winnow, slug: str, act: Act, images: Sequence[str], by: str, number: int | None = None) -> Done:
    """Do it to all of ``images`` that it can be done to.

    ``number`` is the task set for ``Act.ASK``; ``None`` makes a new one. Raises ``NotFound``, :class:`InputError` for
    no or too many images, and :class:`StateError` where the set is no draft.
    """
    await w.store.categories.get(slug)
    images = tuple(dict.fromkeys(images))
    if not images:
        raise InputError("No image is selected.", "Select some: click them, or press the space bar.")
    if len(images) > MOST:
        raise InputError(f"{len(images):,} images are too many for one act.", f"Select at most {MOST:,}.")
    identifier = secrets.token_hex(12)
    if act is not Act.ASK:
        number = None
    elif number is None:
        number = await task_sets.create(w, slug, [], "", by)
    fields = {"category": slug, "act": act.value, "by": by, "at": w.clock(), "images": list(images), "set": number}
    await w.store.hand_acts.insert(identifier, {**fields, "changed": [], "left": []})
    changed, left = await _act(w, slug, act, images, By(act=identifier, name=by, at=w.clock()), number)
    told = [[why, n] for why, n in left.items() if n]
    await w.store.hand_acts.put(identifier, {"changed": list(changed), "left": told})
    return await get(w, slug, identifier)


async def get(w: Winnow, slug: str, identifier: str) -> Done:
    """An act as it was done; raises ``NotFound``."""
    d = await w.store.hand_acts.get(slug, identifier)
    return Done(
        id=d["_id"],
        act=d["act"],
        by=d["by"],
        images=tuple(d["images"]),
        changed=tuple(d["changed"]),
        left=dict(d["left"]),
        set=d["set"],
        undone=d["undone_at"] is not None,
    )


async def undo(w: Winnow, slug: str, identifier: str, by: str) -> Done:
    """Take back what an act changed, as far as nobody has built on it; a second time changes nothing.

    Raises :class:`StateError` where nothing of it can be taken back.
    """
    done = await get(w, slug, identifier)
    if done.undone:
        return done
    back = await _undo(w, slug, done, By(act=f"{identifier}-undone", name=by, at=w.clock()))
    if done.changed and not back:
        raise StateError("This cannot be taken back any more.", "Gold that people have seen, and posted sets, stay.")
    await w.store.hand_acts.undone(identifier, w.clock())
    return await get(w, slug, identifier)


async def _act(
    w: Winnow, slug: str, act: Act, images: Sequence[str], by: By, number: int | None
) -> tuple[list[str], Counter[str]]:
    if act in (Act.GOLD_YES, Act.GOLD_NO):
        return await _gold(w, slug, act is Act.GOLD_YES, images, by)
    if act is Act.ASK:
        assert number is not None, "a new set has been made"
        return await _ask(w, slug, images, number)
    known = set(await w.store.browsing.some(slug, images))
    exclude = act is Act.EXCLUDE
    changed = await (excluding.exclude(w, slug, images, by) if exclude else excluding.bring_back(w, slug, images))
    left = Counter({ALREADY[act.value]: len(known) - len(changed), "not in this pool": len(images) - len(known)})
    return changed, left


async def _gold(w: Winnow, slug: str, value: bool, images: Sequence[str], by: By) -> tuple[list[str], Counter[str]]:
    free, left = await choosing.free(w, slug, images, HandAct.GOLD)
    provenance = {"by": by.name, "page": "pool", "act": by.act}
    await curating.give_gold(w, slug, dict.fromkeys(free, value), Source.GOLD, provenance)
    now = await w.store.browsing.some(slug, free)
    changed = [image for image in free if now[image]["role"] == Role.GOLD.value and now[image]["gold"] is value]
    left["taken meanwhile"] += len(free) - len(changed)
    return changed, left


async def _ask(w: Winnow, slug: str, images: Sequence[str], number: int) -> tuple[list[str], Counter[str]]:
    await w.store.task_sets.get(slug, number)
    free, left = await choosing.free(w, slug, images, HandAct.ASK)
    changed = await w.store.task_sets.add(slug, number, free, task_sets.MOST)
    if changed is None:
        raise StateError(f"Task set {number} is no draft any more.", "Choose another one, or a new one.")
    left[ALREADY["ask"]] += len(free) - len(changed)
    return changed, left


async def _undo(w: Winnow, slug: str, done: Done, by: By) -> int:
    match done.act:
        case Act.EXCLUDE:
            return len(await excluding.bring_back(w, slug, done.changed, act=done.id))
        case Act.BRING_BACK:
            return len(await excluding.exclude(w, slug, done.changed, by))
        case Act.ASK:
            assert done.set is not None, "every act of this kind has one"
            return await w.store.task_sets.remove(slug, done.set, done.changed) or 0
        case Act.GOLD_YES | Act.GOLD_NO:
            given_at = (await w.store.hand_acts.get(slug, done.id))["at"]
            return len(await curating.take_gold_back(w, slug, done.changed, done.id, given_at))
