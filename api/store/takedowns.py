"""Takedowns: what somebody asked to be removed, and what must never come in again. The record of who, when and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, UpdateOne

from api.store.connection import Collection, Database, Document, Session


def url_key(url: str) -> str:
    """The id of a URL's takedown."""
    return f"url:{url}"


def author_key(source: str, author: str) -> str:
    """The id of an author's takedown; authors are named by their source."""
    return f"author:{source}\0{author}"


def image_key(image: str) -> str:
    """The id of the takedown of bytes, by their sha256."""
    return f"image:{image}"


def named_by(key: str) -> tuple[str, tuple[str, ...]]:
    """What a key was made of: ``url`` (url), ``author`` (source, author) or ``image`` (sha256)."""
    kind, _, name = key.partition(":")
    return kind, tuple(name.split("\0", 1)) if kind == "author" else (name,)


class Takedowns:
    """One document a URL, an author, or an image's bytes. Never removed.

    ``because`` is the takedown that an image's goes back to: its own id where the bytes themselves were named.
    """

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["takedowns"]

    async def insert(
        self, keys: Sequence[str], because: str, by: str, why: str, now: datetime, session: Session
    ) -> None:
        """Refuse what these ids name from now on; one that exists keeps its record."""
        record = {"because": because, "by": by, "why": why, "at": now, "done_at": None}
        writes = [UpdateOne({"_id": key}, {"$setOnInsert": record}, upsert=True) for key in keys]
        await self.collection.bulk_write(writes, ordered=False, session=session)

    async def refused(self, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` that are taken down."""
        found = self.collection.find({"_id": {"$in": list(keys)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def images(self, images: Iterable[str]) -> set[str]:
        """Those of ``images`` that are taken down, for whatever reason."""
        found = await self.refused(image_key(image) for image in images)
        start = len(image_key(""))
        return {key[start:] for key in found}

    async def get(self, key: str) -> Document | None:
        """One record."""
        return await self.collection.find_one({"_id": key})

    async def unfinished(self) -> list[Document]:
        """Takedowns some of whose images are still somewhere, oldest first."""
        return await self.collection.find({"done_at": None}).sort("at", ASCENDING).to_list()

    async def named(self) -> list[Document]:
        """What people asked for, newest first: without the images that went with it."""
        asked = {"$expr": {"$eq": ["$_id", "$because"]}}
        return await self.collection.find(asked).sort("at", -1).to_list()

    async def images_of(self, because: str) -> list[str]:
        """The images that went because of a takedown."""
        start = len(image_key(""))
        found = self.collection.find({"because": because, "_id": {"$regex": f"^{image_key('')}"}}, {"_id": 1})
        return sorted([document["_id"][start:] async for document in found])

    async def done(self, because: str, now: datetime) -> None:
        """Nothing of it is left."""
        await self.collection.update_many({"because": because, "done_at": None}, {"$set": {"done_at": now}})
