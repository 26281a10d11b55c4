"""Annotators: who is still asked."""

from collections.abc import Collection as Bag
from datetime import datetime

from pymongo import UpdateOne

from api.store.connection import Collection, Database, Document, Session
from api.store.workers import EVERYWHERE


class Annotators:
    """One document a person and category (``*``: all of them) who is not asked any more, with the reason."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["annotators"]

    async def stop_asking(self, category: str, annotators: Bag[str], reason: str, now: datetime) -> None:
        """Offer these annotators no more tasks of the category. What they submitted is still settled."""
        if annotators:
            await self.collection.bulk_write(
                [
                    one
                    for annotator in annotators
                    for one in (
                        UpdateOne(
                            {**_key(category, annotator), "reason": None}, {"$set": {"reason": reason, "at": now}}
                        ),
                        UpdateOne(
                            _key(category, annotator),
                            {"$setOnInsert": {**_who(category, annotator), "reason": reason, "at": now}},
                            upsert=True,
                        ),
                    )
                ]
            )

    async def stopped(self, category: str, annotator: str) -> str | None:
        """The reason why somebody is not asked any more, or ``None``."""
        keys = [_key(scope, annotator)["_id"] for scope in (EVERYWHERE, category)]
        found = self.collection.find({"_id": {"$in": keys}, "reason": {"$ne": None}}, {"reason": 1}).sort("_id")
        async for document in found:
            return str(document["reason"])
        return None

    async def of(self, annotator: str) -> dict[str, str]:
        """Category, or everywhere, -> the reason why somebody is not asked there any more."""
        found = self.collection.find({"annotator": annotator, "reason": {"$ne": None}})
        return {document["category"]: str(document["reason"]) async for document in found}

    async def forgiven(self, category: str) -> dict[str, tuple[int, int]]:
        """Annotator -> (used, excluded) submissions at the moment when somebody was asked back."""
        found = self.collection.find({"category": category, "forgiven": {"$exists": True}})
        return {d["annotator"]: (int(d["forgiven"][0]), int(d["forgiven"][1])) async for d in found}

    async def ask_again(self, category: str, annotator: str, so_far: tuple[int, int], session: Session) -> None:
        """Offer somebody tasks again; ``so_far`` (used, excluded) submissions do not speak against it any more."""
        await self.collection.update_one(
            _key(category, annotator),
            {"$set": {**_who(category, annotator), "reason": None, "forgiven": list(so_far)}},
            upsert=True,
            session=session,
        )

    async def block(self, annotator: str, reason: str, now: datetime, session: Session) -> bool:
        """Offer somebody no task of any category; says whether this call did it."""
        fields = {**_who(EVERYWHERE, annotator), "reason": reason, "at": now}
        result = await self.collection.update_one(
            _key(EVERYWHERE, annotator), {"$setOnInsert": fields}, upsert=True, session=session
        )
        return result.upserted_id is not None

    async def unblock(self, annotator: str, session: Session) -> bool:
        """The opposite; says whether somebody was blocked."""
        result = await self.collection.delete_one(_key(EVERYWHERE, annotator), session=session)
        return result.deleted_count == 1


def _key(category: str, annotator: str) -> Document:
    return {"_id": f"{category}:{annotator}"}


def _who(category: str, annotator: str) -> Document:
    return {"category": category, "annotator": annotator}
