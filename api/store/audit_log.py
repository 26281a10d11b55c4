"""The audit log: who did what when. Each entry carries the hash of the one before, so that nobody edits it unseen."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from api.store.connection import Collection, Database, Document

FIRST = "0" * 64
"""What stands where the hash of the entry before the first would be."""


def digest(previous: str, entry: Mapping[str, Any]) -> str:
    """SHA-256 over the hash of the entry before and this entry's fields, as sorted JSON."""
    fields = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(fields, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(f"{previous}{text}".encode()).hexdigest()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class AuditLog:
    """One document an act, numbered 1, 2, 3, ... Entries are only ever inserted."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["audit_log"]

    async def append(self, fields: Mapping[str, Any]) -> int:
        """Add an entry after the newest one; returns its number."""
        while True:
            newest = await self.collection.find_one({}, sort=[("_id", DESCENDING)])
            number, previous = (newest["_id"] + 1, newest["hash"]) if newest else (1, FIRST)
            entry = {"_id": number, **fields}
            try:
                await self.collection.insert_one({**entry, "hash": digest(previous, entry)})
            except DuplicateKeyError:  # somebody else has added an entry meanwhile: ours comes after it
                continue
            return number

    async def newest(self, only: Mapping[str, Any], before: int | None, limit: int) -> list[Document]:
        """Up to ``limit`` entries that match, the newest first, below the number ``before``."""
        below = {} if before is None else {"_id": {"$lt": before}}
        return await self.collection.find({**only, **below}).sort("_id", DESCENDING).limit(limit).to_list()

    async def number_after(self, moment: datetime) -> int | None:
        """The number of the first entry that is newer than ``moment``; ``None``: none is."""
        found = await self.collection.find_one({"at": {"$gt": moment}}, {"_id": 1}, sort=[("at", 1), ("_id", 1)])
        return found["_id"] if found else None

    async def last(self) -> tuple[int, str]:
        """Number and hash of the newest entry; 0 where there is none."""
        newest = await self.collection.find_one({}, {"hash": 1}, sort=[("_id", DESCENDING)])
        return (newest["_id"], newest["hash"]) if newest else (0, FIRST)

    async def hash_of(self, number: int) -> str | None:
        """The hash that an entry carries; that of number 0 is known."""
        found = await self.collection.find_one({"_id": number}, {"hash": 1})
        if number == 0:
            return FIRST
        return str(found["hash"]) if found else None

    async def check(self, after: int, limit: int) -> tuple[int, int | None]:
        """Whether up to ``limit`` entries behind the number ``after`` fit what stands before each.

        Returns the number of the last one that fits, and that of the first that is missing or does not.
        """
        number, previous = after, await self.hash_of(after)
        if previous is None:
            return after, after
        async for entry in self.collection.find({"_id": {"$gt": after}}).sort("_id").limit(limit):
            if entry["_id"] != number + 1 or entry["hash"] != digest(previous, entry):
                return number, number + 1
            number, previous = entry["_id"], entry["hash"]
        return number, None

    async def all(self, only: Mapping[str, Any], from_number: int = 1) -> AsyncIterator[Document]:
        """Every entry that matches, the oldest first."""
        async for entry in self.collection.find({**only, "_id": {"$gte": from_number}}).sort("_id"):
            yield entry
