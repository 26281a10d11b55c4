"""Excluding by hand: nobody is asked about such an image any more, it checks nobody, and no dataset has it.

It has no say in anything else (record 0014). A validation image that is excluded is still asked about and still
measures the model; the cuts still count and label what is excluded; models still learn from it what they learned. So
the promise stays what it was: one about the whole pool, excluded images among them, whoever excluded what and why.
"""

from collections.abc import Sequence
from datetime import datetime

from active_learning.domain.candidate import Role
from active_learning.domain.category import Category
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store import Session


class By(Value):
    """Who excluded, when, and in which act."""

    act: str
    name: str
    at: datetime


async def exclude(w: Winnow, slug: str, images: Sequence[str], by: By) -> list[str]:
    """Exclude images; returns those that were not yet. Gold stops to check people, and keeps its answer."""

    async def work(session: Session) -> list[str]:
        only = {"image": {"$in": list(images)}, "excluded": None}
        fields = ("image", "role", "gold", "votes_wanted")
        found = await w.store.candidates.find(slug, only, fields, session=session)
        now = [candidate["image"] for candidate in found]
        note = {"act": by.act, "by": by.name, "at": by.at, "gold": None}
        await w.store.candidates.mark(slug, now, {"excluded": note}, session, only={"excluded": None})
        changes: dict[str, int] = {}
        for value, word in ((True, "yes"), (False, "no")):
            gold = [candidate["image"] for candidate in found if candidate["gold"] is value]
            fields_now = {"gold": None, "excluded.gold": value}
            changes[f"gold.{word}"] = -await w.store.candidates.mark(
                slug, gold, fields_now, session, only={"gold": value}
            )
        # Nobody waits for another opinion on it; a validation image keeps waiting, for it must be answered.
        train = {"votes_wanted": True, "role": Role.TRAIN.value}
        waited = await w.store.candidates.mark(slug, now, {"votes_wanted": False}, session, only=train)
        await w.store.categories.count(slug, changes | {"wants_votes.train": -waited}, session)
        await _retire(w, slug, now, session)
        return now

    return await w.store.transact(work)


async def bring_back(w: Winnow, slug: str, images: Sequence[str], act: str | None = None) -> list[str]:
    """Bring excluded images back, all or those that one act excluded; what was gold is gold again. Returns them."""

    async def work(session: Session) -> list[str]:
        only = {"image": {"$in": list(images)}, "excluded.at": {"$exists": True}}
        if act is not None:
            only["excluded.act"] = act
        found = await w.store.candidates.find(slug, only, ("image", "excluded"), session=session)
        now = [candidate["image"] for candidate in found]
        changes: dict[str, int] = {}
        for value, word in ((True, "yes"), (False, "no")):
            gold = [candidate["image"] for candidate in found if candidate["excluded"]["gold"] is value]
            changes[f"gold.{word}"] = await w.store.candidates.mark(
                slug, gold, {"gold": value}, session, only={"gold": None}
            )
        await w.store.candidates.mark(slug, now, {"excluded": None}, session, only={})
        await w.store.categories.count(slug, changes, session)
        return now

    return await w.store.transact(work)


async def _retire(w: Winnow, slug: str, images: Sequence[str], session: Session) -> None:
    """Examples and lessons among them teach no more. Who has seen their answers has seen them: they never check."""
    category = Category.model_validate((await w.store.categories.get(slug, session))["category"])
    taught = {example.image for example in (*category.examples, *category.lessons)} & set(images)
    if taught:
        await w.store.categories.forget(slug, sorted(taught), session)
        retired = sorted({*category.retired, *taught})
        await w.store.categories.put(slug, {"category.retired": retired}, session)
