"""Features: one vector an image and backbone, computed once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bson import Binary
from pymongo import ASCENDING, UpdateOne

from api.store.connection import Collection, Database
from api.store.shards import Shard

Matrix = np.ndarray[Any, np.dtype[np.float32]]

AT_ONCE = 4_096
"""Vectors asked for by name in one query."""


class Features:
    """Vectors as little-endian float32 bytes: a tenth of the size and time of a list of doubles."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["features"]

    async def put(self, backbone: str, images: Sequence[str], vectors: Matrix) -> None:
        """Store ``vectors`` [N, D] for ``images``; those that exist stay."""
        if not images:
            return
        await self.collection.bulk_write(
            [
                UpdateOne(
                    {"_id": f"{backbone}:{image}"},
                    {"$setOnInsert": {"vector": Binary(vector.astype("<f4").tobytes())}},
                    upsert=True,
                )
                for image, vector in zip(images, vectors, strict=True)
            ],
            ordered=False,
        )

    async def get(self, backbone: str, images: Sequence[str]) -> Matrix:
        """The vectors [N, D] of ``images``, in their order; raises ``KeyError`` when one is missing."""
        vectors: dict[str, Matrix] = {}
        for start in range(0, len(images), AT_ONCE):
            keys = [f"{backbone}:{image}" for image in images[start : start + AT_ONCE]]
            async for document in self.collection.find({"_id": {"$in": keys}}):
                vectors[document["_id"]] = np.frombuffer(document["vector"], dtype="<f4")
        return _stacked([vectors[f"{backbone}:{image}"] for image in images])

    async def some(self, backbone: str, images: Sequence[str]) -> dict[str, Matrix]:
        """The vectors [D] of those of a few ``images`` that have one."""
        keys = [f"{backbone}:{image}" for image in images]
        start = len(backbone) + 1
        return {
            document["_id"][start:]: np.frombuffer(document["vector"], dtype="<f4")
            async for document in self.collection.find({"_id": {"$in": keys}})
        }

    async def delete(self, backbones: Sequence[str], images: Sequence[str]) -> None:
        """Forget the vectors of images."""
        keys = [f"{backbone}:{image}" for backbone in backbones for image in images]
        await self.collection.delete_many({"_id": {"$in": keys}})

    async def within(self, backbone: str, shard: Shard, images: Sequence[str]) -> Matrix:
        """The same for the ``images`` of a key range, given in order: the range is read as it lies, in one go."""
        found = self.collection.find({"_id": shard.keys(backbone)}, batch_size=10_000).sort("_id", ASCENDING)
        documents = await found.to_list()
        if len(documents) != len(images):  # the backbone has embedded images of other categories too
            mine = {f"{backbone}:{image}" for image in images}
            documents = [document for document in documents if document["_id"] in mine]
        if [document["_id"] for document in documents] != [f"{backbone}:{image}" for image in images]:
            return await self.get(backbone, images)
        return _stacked([np.frombuffer(document["vector"], dtype="<f4") for document in documents])


def _stacked(vectors: Sequence[Matrix]) -> Matrix:
    return np.stack(vectors).astype(np.float32, copy=False) if vectors else np.zeros((0, 0), dtype=np.float32)
