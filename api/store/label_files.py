"""Label files that somebody has brought: what they say of which image, kept until it is saved as labels."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from active_learning.domain.errors import NotFound
from api.store.connection import Collection, Database, Document

ROWS = 2_000
"""Images of one document."""


class LabelFiles:
    """One document a file, and its answers in documents of ``ROWS``: ``<file>:<number>``."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["label_files"]

    async def insert(self, fields: Mapping[str, Any], answers: Mapping[str, bool], now: datetime) -> str:
        """Keep a file; returns its id. The answers come first: a file that is there is whole."""
        identifier, items = str(fields["_id"]), list(answers.items())
        blocks = [
            {"_id": f"{identifier}:{start // ROWS:05}", "of": identifier, "answers": [list(one) for one in some]}
            for start in range(0, len(items), ROWS)
            if (some := items[start : start + ROWS])
        ]
        if blocks:
            await self.collection.insert_many(blocks)
        await self.collection.insert_one({**fields, "at": now, "blocks": len(blocks), "done": 0, "saved": 0})
        return identifier

    async def get(self, category: str, identifier: str) -> Document:
        """One file of a category, or :class:`NotFound`."""
        document = await self.collection.find_one({"_id": identifier, "category": category})
        if document is None:
            raise NotFound("There is no such label file.", "Bring it again.")
        return document

    async def latest(self, category: str, limit: int) -> list[Document]:
        """The files of a category that were brought last, newest first: ids begin with their time."""
        return await self.collection.find({"category": category}).sort("_id", -1).limit(limit).to_list()

    async def decide(self, identifier: str, fields: Mapping[str, Any]) -> bool:
        """Say once what becomes of a file; whether this call did it."""
        only = {"_id": identifier, "as": {"$exists": False}}
        return (await self.collection.update_one(only, {"$set": dict(fields)})).modified_count == 1

    async def answers(self, identifier: str, start: int) -> AsyncIterator[dict[str, bool]]:
        """The answers from block ``start`` on, block by block."""
        only = {"_id": {"$gte": f"{identifier}:{start:05}", "$lt": f"{identifier};"}}
        async for block in self.collection.find(only).sort("_id", 1):
            yield dict(block["answers"])

    async def worked(self, identifier: str, done: int, saved: int) -> None:
        """Note that ``done`` blocks are saved, the last of them with ``saved`` labels."""
        only = {"_id": identifier, "done": done - 1}
        await self.collection.update_one(only, {"$set": {"done": done}, "$inc": {"saved": saved}})
