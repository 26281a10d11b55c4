"""Images: immutable facts. The bytes live elsewhere (``api.blobs``)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from api.store.connection import Collection, Database, Document


class Images:
    """One document a picture; the id is the sha256 of its bytes."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["images"]

    async def known(self, images: Sequence[str]) -> set[str]:
        """Those of ``images`` that are stored. Asked before inserting: twice as fast as blind inserts."""
        found = self.collection.find({"_id": {"$in": list(images)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def insert(self, facts: Sequence[dict[str, Any]], now: datetime) -> None:
        """Store facts (``_id``, ``format``, ``width``, ``height``, ``bytes``, ``name``, ...); repeats are harmless."""
        if facts:
            await self.collection.bulk_write(
                [
                    UpdateOne({"_id": fact["_id"]}, {"$setOnInsert": {**fact, "added_at": now}}, upsert=True)
                    for fact in facts
                ],
                ordered=False,
            )

    async def get(self, image: str) -> Document | None:
        """The facts of one image."""
        return await self.collection.find_one({"_id": image})

    async def named(self, names: Sequence[str]) -> list[Document]:
        """The images that were found under these names (id and name): several sources may use the same ones."""
        return await self.collection.find({"name": {"$in": list(names)}}, {"name": 1}).sort("_id").to_list()

    async def longest(self, images: Sequence[str]) -> dict[str, int]:
        """The longer side of each image in pixels, by id."""
        found = self.collection.find({"_id": {"$in": list(images)}}, {"width": 1, "height": 1})
        return {document["_id"]: max(document["width"], document["height"]) async for document in found}

    async def many(self, images: Sequence[str]) -> dict[str, Document]:
        """Facts of several images, by id."""
        found = self.collection.find({"_id": {"$in": list(images)}})
        return {document["_id"]: document async for document in found}
