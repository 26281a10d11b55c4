"""Model reports: what each model's scores say of the pool, one small document a model, made when its round is cut."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import DESCENDING

from api.store.connection import Collection, Database, Document

LISTS = ("uncertain", "false_yes", "false_no", "doubtful")
"""Fields that name images, each as documents with ``image`` and ``score``."""


class ModelReports:
    """Made again, a report is the same."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["model_reports"]

    async def put(self, category: str, number: int, fields: Mapping[str, Any]) -> None:
        """Store the report of the model of round ``number`` in the place of an earlier one."""
        document = {"category": category, "round": number, **fields}
        await self.collection.replace_one({"_id": f"{category}:{number}"}, document, upsert=True)

    async def get(self, category: str, number: int) -> Document | None:
        """The report of one round's model."""
        return await self.collection.find_one({"_id": f"{category}:{number}"})

    async def newest(self, category: str) -> Document | None:
        """The report of the newest model."""
        return await self.collection.find_one({"category": category}, sort=[("round", DESCENDING)])

    async def rounds(self, category: str) -> list[int]:
        """The rounds whose models have a report, in order."""
        found = self.collection.find({"category": category}, {"_id": 0, "round": 1}).sort("round")
        return [document["round"] async for document in found]

    async def forget(self, category: str, images: Sequence[str]) -> None:
        """Take images out of every list of a category."""
        gone = {name: {"image": {"$in": list(images)}} for name in LISTS}
        await self.collection.update_many({"category": category}, {"$pull": gone})
