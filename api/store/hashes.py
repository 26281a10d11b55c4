"""Perceptual hashes of each category's pool, in blocks in the order in which images came in. Append-only.

Whoever decides about near-duplicates reads the blocks that he has not seen, and writes his own in the transaction that
makes the candidates. The category's kept number of hashes says whether somebody else was faster.
"""

from dataclasses import dataclass

import numpy as np
from bson import Binary
from numpy.typing import NDArray
from pymongo import ASCENDING

from api.store.connection import Collection, Database, Document, Session
from api.store.scores import DIGEST, digests, names

AT_ONCE = 256
"""Blocks read in one query."""

Hashes64 = NDArray[np.uint64]


@dataclass(frozen=True)
class HashBlock:
    """The hashes [N, 2] of ``images`` [N]: each one's perceptual hash, and the fine hash that confirms it.

    The first image is number ``start`` of its category.
    """

    start: int
    images: list[str]
    hashes: Hashes64


class Hashes:
    """One document an intake of some images; its id holds the number of its first."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["hashes"]

    async def after(self, category: str, start: int) -> list[HashBlock]:
        """The next blocks from number ``start`` on, at most ``AT_ONCE`` of them."""
        keys = {"$gte": _key(category, start), "$lte": _key(category, 10**_DIGITS - 1)}
        found = self.collection.find({"_id": keys}).sort("_id", ASCENDING).limit(AT_ONCE)
        return [_block(document) async for document in found]

    async def insert(self, category: str, block: HashBlock, session: Session) -> None:
        """Append a block; the same transaction has moved the category's number of hashes on by its size."""
        if block.images:
            document = {
                "_id": _key(category, block.start),
                "start": block.start,
                "images": Binary(digests(block.images).tobytes()),
                "hashes": Binary(block.hashes.astype("<u8").tobytes()),
            }
            await self.collection.insert_one(document, session=session)


_DIGITS = 12


def _key(category: str, start: int) -> str:
    return f"{category}:{start:0{_DIGITS}d}"


def _block(document: Document) -> HashBlock:
    return HashBlock(
        document["start"],
        names(np.frombuffer(document["images"], dtype=DIGEST)),
        np.frombuffer(document["hashes"], dtype="<u8").reshape(-1, 2),
    )
