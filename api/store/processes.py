"""Processes that are alive, markets that answer, and what happened lately: for the monitor."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.store.connection import Collection, Database, Document


class Processes:
    """One document a process of Winnow; it says every few seconds that it lives, and goes when it ends."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["processes"]

    async def beat(self, identifier: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Say that a process lives."""
        update = {"$set": {**fields, "beat_at": now}, "$setOnInsert": {"started_at": now}}
        await self.collection.update_one({"_id": identifier}, update, upsert=True)

    async def leave(self, identifier: str) -> None:
        """A process ends of its own accord."""
        await self.collection.delete_one({"_id": identifier})

    async def all(self) -> list[Document]:
        """Those that live, and those of the last day that did not say goodbye; the oldest first."""
        return await self.collection.find({}).sort([("started_at", 1), ("_id", 1)]).to_list()


class Markets:
    """One document a market, as the worker that asked it last has found it; and one for each of its open HITs."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["markets"]
        self.hits: Collection = database["hits"]

    async def put(self, name: str, fields: Mapping[str, Any]) -> Document | None:
        """Note how a market was found; returns what was known before."""
        return await self.collection.find_one_and_update({"_id": name}, {"$set": dict(fields)}, upsert=True)

    async def all(self) -> list[Document]:
        """Every market that was ever asked."""
        return await self.collection.find({}).sort("_id").to_list()

    async def put_hit(self, task: str, fields: Mapping[str, Any]) -> None:
        """Note how the HIT of a task stands; what has not changed is not written."""
        await self.hits.update_one({"_id": task}, {"$set": dict(fields)}, upsert=True)

    async def forget_hit(self, task: str) -> None:
        """Nobody works on the task any more."""
        await self.hits.delete_one({"_id": task})

    async def open_hits(self) -> list[Document]:
        """Category -> how many HITs are open, with places to take and people at work, one document each."""
        names = ("available", "pending", "completed")
        sums: Document = {name: {"$sum": f"${name}"} for name in names}
        pipeline: list[Document] = [
            {"$group": {"_id": "$category", "hits": {"$sum": 1}, **sums}},
            {"$sort": {"_id": 1}},
        ]
        return await (await self.hits.aggregate(pipeline)).to_list()


class Happenings:
    """What happened, for a month: one document each, removed by MongoDB itself."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["happenings"]

    async def note(self, now: datetime, words: str, category: str | None, level: str = "info") -> None:
        """Write down what happened; ``level`` is info or error."""
        await self.collection.insert_one({"at": now, "words": words, "category": category, "level": level})

    async def latest(self, limit: int) -> list[Document]:
        """The newest first."""
        return await self.collection.find({}, {"_id": 0}).sort("at", -1).limit(limit).to_list()
