"""Dataset versions: what was frozen, in blocks of rows by key range. Later labels do not change them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from active_learning.domain.errors import NotFound
from api.store.connection import Collection, Database, Document, Session


class DatasetState(StrEnum):
    """A version is being made, can be downloaded, or could not be made."""

    MAKING = "making"
    READY = "ready"


class Datasets:
    """One document a version: ``<category>:<number>``. Its rows are in blocks: ``<version>:<split>:<key range>``."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["datasets"]
        self.blocks: Collection = database["dataset_blocks"]

    async def insert(self, category: str, fields: Mapping[str, Any], now: datetime) -> Document:
        """Give a new version the next number; returns its document."""
        while True:
            newest = await self.collection.find_one({"category": category}, {"number": 1}, sort=[("number", -1)])
            number = newest["number"] + 1 if newest else 1
            document = {
                "_id": version_id(category, number),
                "category": category,
                "number": number,
                "state": DatasetState.MAKING.value,
                "revision": 1,
                "made_at": now,
                **fields,
            }
            try:
                await self.collection.insert_one(document)
            except DuplicateKeyError:  # somebody else has made one at the same moment
                continue
            return document

    async def get(self, category: str, number: int) -> Document:
        """One version, or :class:`NotFound`."""
        document = await self.collection.find_one({"_id": version_id(category, number)})
        if document is None:
            raise NotFound(
                f"'{category}' has no dataset version {number}.", f"`./winnow dataset list {category}` shows them."
            )
        return document

    async def newest(self, category: str, limit: int, before: int | None = None) -> list[Document]:
        """The newest versions, those below number ``before``."""
        only: Document = {"category": category} | ({} if before is None else {"number": {"$lt": before}})
        return await self.collection.find(only).sort("number", DESCENDING).limit(limit).to_list()

    async def put(self, version: str, fields: Mapping[str, Any], session: Session | None = None) -> None:
        """Set plain fields."""
        await self.collection.update_one({"_id": version}, {"$set": dict(fields)}, session=session)

    async def put_once(self, version: str, field: str, fields: Mapping[str, Any]) -> Document:
        """Set ``fields`` unless ``field`` is there already; returns the document as it is then."""
        await self.collection.update_one({"_id": version, field: {"$exists": False}}, {"$set": dict(fields)})
        document = await self.collection.find_one({"_id": version})
        assert document is not None, "versions are never removed"
        return document

    async def put_if(self, version: str, revision: int, fields: Mapping[str, Any]) -> bool:
        """Set plain fields unless images have been taken out meanwhile; whether it did."""
        result = await self.collection.update_one({"_id": version, "revision": revision}, {"$set": dict(fields)})
        return result.matched_count == 1

    async def put_block(self, block: Document, session: Session | None = None) -> None:
        """Write a block; the same block again changes nothing."""
        await self.blocks.replace_one({"_id": block["_id"]}, block, upsert=True, session=session)

    async def block(self, identifier: str, session: Session | None = None) -> Document | None:
        """One block with its rows."""
        return await self.blocks.find_one({"_id": identifier}, session=session)

    async def outline(self, version: str) -> list[Document]:
        """The blocks without their rows, in order: how many rows each has, and how many bytes of each kind."""
        found = self.blocks.find({"version": version}, {"rows": 0})
        return await found.sort([("order", 1), ("_id", 1)]).to_list()

    async def holding(self, images: Sequence[str]) -> list[str]:
        """The ids of the blocks, of all versions, whose key ranges these images are in."""
        found: set[str] = set()
        for image in images:
            blocks = self.blocks.find({"first": {"$lte": image}, "last": {"$gte": image}}, {"_id": 1})
            found |= {block["_id"] async for block in blocks}
        return sorted(found)

    async def changes(self, category: str) -> AsyncGenerator[None, None]:
        """A change stream: news whenever a version or a label file of the category, or the job for it, gets further."""
        own = {"$regex": f"^{category}:"}
        wanted = [
            {"ns.coll": self.collection.name, "documentKey._id": own},
            {"ns.coll": "label_files", "fullDocument.category": category},
            {"ns.coll": "jobs", "documentKey._id": {"$regex": f"^(freeze|import_labels):{category}:"}},
        ]
        pipeline: list[Document] = [{"$match": {"$or": wanted}}, {"$project": {"_id": 1}}]
        database = self.collection.database
        async with await database.watch(pipeline, full_document="updateLookup", max_await_time_ms=1_000) as stream:
            async for _ in stream:
                yield None

    async def changed(self, version: str, gone: int, session: Session) -> Document:
        """``gone`` rows have left a version: it has to be measured and checked again. Returns its document."""
        document = await self.collection.find_one_and_update(
            {"_id": version},
            {"$inc": {"revision": 1, "taken_down": gone}, "$set": {"state": DatasetState.MAKING.value, "layout": 0}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        assert document is not None, "versions are never removed"
        return document


def version_id(category: str, number: int) -> str:
    """The id of a version."""
    return f"{category}:{number}"
