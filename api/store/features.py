"""Features: one vector an image and backbone, computed once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bson import Binary
from pymongo import UpdateOne

from api.store.connection import Collection, Database

Matrix = np.ndarray[Any, np.dtype[np.float32]]


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
        found = self.collection.find({"_id": {"$in": [f"{backbone}:{image}" for image in images]}})
        vectors = {d["_id"]: np.frombuffer(d["vector"], dtype="<f4") async for d in found}
        if not images:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([vectors[f"{backbone}:{image}"] for image in images]).astype(np.float32, copy=False)
