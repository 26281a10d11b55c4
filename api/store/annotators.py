"""Annotators: who is still asked."""

from collections.abc import Collection as Bag
from datetime import datetime

from pymongo import UpdateOne

from api.store.connection import Collection, Database


class Annotators:
    """One document a person and category who is not asked any more, with the reason."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["annotators"]

    async def stop_asking(self, category: str, annotators: Bag[str], reason: str, now: datetime) -> None:
        """Offer these annotators no more tasks of the category. What they submitted is still settled."""
        if annotators:
            await self.collection.bulk_write(
                [
                    UpdateOne(
                        {"_id": f"{category}:{annotator}"},
                        {"$setOnInsert": {"category": category, "annotator": annotator, "reason": reason, "at": now}},
                        upsert=True,
                    )
                    for annotator in annotators
                ]
            )

    async def stopped(self, category: str, annotator: str) -> str | None:
        """The reason why somebody is not asked any more, or ``None``."""
        document = await self.collection.find_one({"_id": f"{category}:{annotator}"})
        return None if document is None else str(document["reason"])
