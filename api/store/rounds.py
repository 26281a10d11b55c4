"""Rounds and models: what the loop has done so far."""

from collections.abc import Mapping
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from active_learning.domain.round import Phase
from api.store.connection import Collection, Database, Document, Session


class Rounds:
    """One document a round; its report grows while it runs."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["rounds"]

    async def insert(self, category: str, number: int, fields: Mapping[str, Any], session: Session) -> None:
        """Open a round in its first phase."""
        document = {
            "_id": f"{category}:{number}",
            "category": category,
            "number": number,
            "phase": Phase.COLLECTING.value,
            "wave": 1,
            **fields,
        }
        await self.collection.insert_one(document, session=session)

    async def advance(
        self, category: str, number: int, source: Phase, target: Phase, fields: Mapping[str, Any], session: Session
    ) -> bool:
        """Move a round from one phase to the next, once; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": f"{category}:{number}", "phase": source.value},
            {"$set": {"phase": target.value, **fields}},
            session=session,
        )
        return result.modified_count == 1

    async def count(self, category: str, number: int, changes: Mapping[str, int], session: Session) -> None:
        """Add to the counters of a round's report."""
        await self.collection.update_one({"_id": f"{category}:{number}"}, {"$inc": dict(changes)}, session=session)

    async def look(self, category: str, number: int, session: Session) -> Document | None:
        """The outcome of the round's calibration, once there is one."""
        document = await self.collection.find_one({"_id": f"{category}:{number}"}, {"look": 1}, session=session)
        return None if document is None else document.get("look")

    async def put_look(self, category: str, number: int, look: Document, session: Session) -> None:
        """Write down the outcome of the round's calibration."""
        await self.collection.update_one({"_id": f"{category}:{number}"}, {"$set": {"look": look}}, session=session)

    async def newest(self, category: str, session: Session | None = None) -> Document | None:
        """The latest round."""
        return await self.collection.find_one({"category": category}, sort=[("number", DESCENDING)], session=session)

    async def all(self, category: str) -> list[Document]:
        """Every round, in order."""
        return await self.collection.find({"category": category}).sort("number").to_list()


class Models:
    """One document a trained model: what it learned from, and the sha256 of its checkpoint."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["models"]
        self.backbones: Collection = database["backbones"]

    async def insert_backbone(self, identifier: str, name: str, checkpoint: str) -> None:
        """Note a fitted backbone; its id holds the hash of its bytes, so a repeat is the same."""
        await self.backbones.update_one(
            {"_id": identifier}, {"$setOnInsert": {"name": name, "checkpoint": checkpoint}}, upsert=True
        )

    async def backbone(self, identifier: str) -> Document | None:
        """One fitted backbone."""
        return await self.backbones.find_one({"_id": identifier})

    async def all_backbones(self) -> list[str]:
        """The ids of all fitted backbones."""
        return [document["_id"] async for document in self.backbones.find({}, {"_id": 1}).sort("_id")]

    async def insert(self, identifier: str, fields: Mapping[str, Any]) -> None:
        """Insert it; the same model again (same id) is the same training, repeated after a crash."""
        try:
            await self.collection.insert_one({"_id": identifier, **fields})
        except DuplicateKeyError:
            return

    async def get(self, identifier: str) -> Document | None:
        """One model."""
        return await self.collection.find_one({"_id": identifier})

    async def newest(self, category: str) -> Document | None:
        """The latest model of a category."""
        return await self.collection.find_one({"category": category}, sort=[("version", DESCENDING)])

    async def all(self, category: str) -> list[Document]:
        """Every model of a category, in order."""
        return await self.collection.find({"category": category}).sort("version").to_list()
