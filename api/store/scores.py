"""Scores: one document a model and key range, with the ids, draws and scores of its images side by side.

A model scores the whole pool in every round. One write for thousands of candidates, instead of one each, makes that
a matter of reading the features; and choosing or counting by score reads 44 bytes an image.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Group
from dataclasses import dataclass
from typing import Any

import numpy as np
from bson import Binary
from numpy.typing import NDArray

from api.store.connection import Collection, Database, Document
from api.store.shards import Shard

DIGEST = np.dtype("S32")
_ID_DIGITS = 64


@dataclass(frozen=True)
class Block:
    """The scored images of one key range, in the order of their ids: digests, draws and scores [N]."""

    digests: NDArray[np.bytes_]
    draws: NDArray[np.float64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def images(self) -> list[str]:
        """The ids [N]."""
        return names(self.digests)

    def take(self, rows: NDArray[Any]) -> "Block":
        """These rows, by their numbers or by a mask."""
        return Block(self.digests[rows], self.draws[rows], self.scores[rows])

    def rows(self, wanted: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """Where each of these digests is; -1 for one that is not here."""
        if not len(self):
            return np.full(len(wanted), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.digests, wanted), len(self) - 1)
        return np.where(self.digests[at] == wanted, at, -1)


def digests(images: Sequence[str]) -> NDArray[np.bytes_]:
    """Ids [N] as 32 bytes each; raises ``ValueError`` for what is not a sha256 digest in hexadecimal."""
    return np.frombuffer(bytes.fromhex("".join(images)), dtype=DIGEST)


def names(found: NDArray[np.bytes_]) -> list[str]:
    """Digests [N] as ids."""
    digits = found.tobytes().hex()
    return [digits[at : at + _ID_DIGITS] for at in range(0, len(digits), _ID_DIGITS)]


class Scores:
    """Written by shards, read by shards. A block that exists is complete."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["scores"]

    async def put(self, category: str, model: str, shard: Shard, block: Block) -> None:
        """Store a block in the place of an earlier one of the same range."""
        document = {"category": category, "model": model, **_fields(block)}
        await self.collection.replace_one({"_id": _key(model, shard)}, document, upsert=True)

    async def get(self, model: str, shard: Shard) -> Block | None:
        """The block of a range; ``None`` where the model has not scored it."""
        document = await self.collection.find_one({"_id": _key(model, shard)})
        return None if document is None else _block(document)

    async def size(self, model: str, shard: Shard) -> int | None:
        """How many images the block of a range holds; ``None`` where there is none."""
        document = await self.collection.find_one({"_id": _key(model, shard)}, {"n": 1})
        return None if document is None else int(document["n"])

    async def of(self, model: str, shards: Sequence[Shard], images: Sequence[str]) -> dict[str, float]:
        """The scores of some images, in memory for one block at a time."""
        found: dict[str, float] = {}
        wanted = digests(images)
        async for block in self._blocks(model, shards):
            rows = block.rows(wanted)
            here = rows >= 0
            scores = block.scores[rows[here]]
            places = np.flatnonzero(here).tolist()
            found |= {images[at]: score for at, score in zip(places, scores.tolist(), strict=True)}
        return found

    async def _blocks(self, model: str, shards: Sequence[Shard]) -> AsyncIterator[Block]:
        for shard in shards:
            block = await self.get(model, shard)
            if block is not None:
                yield block

    async def forget(self, category: str, images: Sequence[str]) -> None:
        """Take images out of every block of a category."""
        gone = digests(images)
        async for document in self.collection.find({"category": category}):
            block = _block(document)
            rows = block.rows(gone)
            if (rows >= 0).any():
                rest = np.ones(len(block), dtype=bool)
                rest[rows[rows >= 0]] = False
                left = _fields(block.take(rest))
                # What was written meanwhile was made from the pool as it is now.
                await self.collection.update_one({"_id": document["_id"], "images": document["images"]}, {"$set": left})

    async def keep(self, category: str, models: Group[str]) -> None:
        """Forget the scores of all but these models."""
        await self.collection.delete_many({"category": category, "model": {"$nin": list(models)}})


def _key(model: str, shard: Shard) -> str:
    return f"{model}:{shard.bits}:{shard.index:06x}"


def _fields(block: Block) -> Document:
    return {
        "n": len(block),
        "images": Binary(block.digests.tobytes()),
        "draws": Binary(block.draws.astype("<f8").tobytes()),
        "scores": Binary(block.scores.astype("<f4").tobytes()),
    }


def _block(document: Mapping[str, Any] | Document) -> Block:
    return Block(
        np.frombuffer(document["images"], dtype=DIGEST),
        np.frombuffer(document["draws"], dtype="<f8"),
        np.frombuffer(document["scores"], dtype="<f4"),
    )
