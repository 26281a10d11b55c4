"""Bytes in MongoDB: images and checkpoints by sha256, renditions by sha256 and size. Apart from the small metadata."""

from collections.abc import Mapping, Sequence

from bson import Binary
from pymongo import UpdateOne

from api.store.connection import Collection, Database


class StoredBytes:
    """One collection of content-addressed bytes."""

    def __init__(self, database: Database, name: str) -> None:
        self.collection: Collection = database[name]

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store each value under its key; a key that exists keeps its bytes."""
        if blobs:
            await self.collection.bulk_write(
                [
                    UpdateOne({"_id": digest}, {"$setOnInsert": {"data": Binary(data)}}, upsert=True)
                    for digest, data in blobs.items()
                ],
                ordered=False,
            )

    async def get(self, digest: str) -> bytes | None:
        """The bytes, or ``None``."""
        document = await self.collection.find_one({"_id": digest})
        return None if document is None else bytes(document["data"])

    async def missing(self, digests: Sequence[str]) -> set[str]:
        """Those that are not stored; reads no bytes."""
        found = self.collection.find({"_id": {"$in": list(digests)}}, {"_id": 1})
        return set(digests) - {document["_id"] async for document in found}

    async def many(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Several at once, by digest; missing ones are left out."""
        found = self.collection.find({"_id": {"$in": list(digests)}})
        return {document["_id"]: bytes(document["data"]) async for document in found}
