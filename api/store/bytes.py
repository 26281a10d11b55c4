"""Bytes in MongoDB: images and checkpoints by sha256, renditions by sha256 and size. Apart from the small metadata."""

from collections.abc import AsyncIterator, Mapping, Sequence

from bson import Binary

from api.store.coalescing import Coalescer
from api.store.connection import Collection, Database, Document, insert_new

PART = 15 * 1024 * 1024
"""Bytes in one document: MongoDB takes 16 MB. What is longer continues in documents of its own."""


class StoredBytes:
    """One collection of content-addressed bytes.

    They are written with the database's majority: nobody fetches an image a second time because a primary was lost, and
    a failover between the bytes (acknowledged by one member) and their candidate would leave a candidate without them.
    It costs one wait a batch, not one an image.
    """

    def __init__(self, database: Database, name: str) -> None:
        self.collection: Collection = database[name]
        self._single = Coalescer(self._found)

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store each value under its key; a key that exists keeps its bytes. Ask first what is there: :meth:`missing`.

        A repeated insert costs as much as a new one.
        """
        following = [
            {"_id": _following(digest, number), "data": Binary(data[number * PART : (number + 1) * PART])}
            for digest, data in blobs.items()
            for number in range(1, _parts(data))
        ]
        if following:
            await insert_new(self.collection, following)  # before their beginning: what begins is whole
        await insert_new(self.collection, [_beginning(digest, data) for digest, data in blobs.items()])

    async def get(self, digest: str) -> bytes | None:
        """The bytes, or ``None``. Those who ask at the same time share a query."""
        return await self._single.get(digest)

    async def missing(self, digests: Sequence[str]) -> set[str]:
        """Those that are not stored; reads no bytes."""
        found = self.collection.find({"_id": {"$in": list(digests)}}, {"_id": 1})
        return set(digests) - {document["_id"] async for document in found}

    async def many(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Several at once, by digest; missing ones are left out."""
        found = await self.collection.find({"_id": {"$in": list(digests)}}).to_list()
        return {one["_id"]: one["data"] if "parts" not in one else await self._whole(one) for one in found}

    async def delete(self, digests: Sequence[str]) -> None:
        """Remove them; a repeat, also of one that was interrupted, changes nothing."""
        long = self.collection.find({"_id": {"$in": list(digests)}, "parts": {"$exists": True}}, {"parts": 1})
        following = [_following(one["_id"], number) async for one in long for number in range(1, one["parts"])]
        if following:
            await self.collection.delete_many({"_id": {"$in": following}})
        await self.collection.delete_many({"_id": {"$in": list(digests)}})

    async def _found(self, digests: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        async for document in self.collection.find({"_id": {"$in": list(digests)}}):
            yield document["_id"], document["data"] if "parts" not in document else await self._whole(document)

    async def _whole(self, document: Document) -> bytes:
        following = [_following(document["_id"], number) for number in range(1, document["parts"])]
        rest = self.collection.find({"_id": {"$in": following}}).sort("_id")
        return b"".join([document["data"], *[part["data"] async for part in rest]])


def _parts(data: bytes) -> int:
    return max(1, -(-len(data) // PART))


def _beginning(digest: str, data: bytes) -> Document:
    parts = _parts(data)
    if parts == 1:
        return {"_id": digest, "data": Binary(data)}
    return {"_id": digest, "data": Binary(data[:PART]), "parts": parts}


def _following(digest: str, number: int) -> str:
    return f"{digest}/{number:02d}"
