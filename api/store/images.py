"""Images: immutable facts, and the places where each was found. The bytes live elsewhere (``api.blobs``)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from api.store.connection import Collection, Database, Document, Session, insert_all

MORE_PLACES = 7
"""Further places that are kept of an image which is found again and again."""

PLACE = ("url", "name", "source", "licence", "provenance", "fetched_at", "status")
"""What is known of a place: ``provenance`` are plain fields as the source gave them, ``status`` what the server said
(0: no server was asked)."""


class Images:
    """One document a picture; the id is the sha256 of its bytes.

    The fields of ``PLACE`` stand for where it was found first; ``places`` are documents of the same fields.
    """

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["images"]

    async def known(self, images: Sequence[str]) -> dict[str, set[str]]:
        """Those of ``images`` that are stored, with the URLs where they were found.

        Asked before inserting: twice as fast as blind inserts.
        """
        found = self.collection.find({"_id": {"$in": list(images)}}, {"url": 1, "places.url": 1})
        return {document["_id"]: _urls(document) async for document in found}

    async def insert(self, facts: Sequence[dict[str, Any]], now: datetime, session: Session) -> None:
        """Store facts (``_id``, ``format``, ``width``, ``height``, ``bytes``, the fields of ``PLACE``, ...).

        Raises ``DuplicateKeyError`` when somebody else has stored one of them since :meth:`known`.
        """
        await insert_all(self.collection, [{**fact, "places": [], "added_at": now} for fact in facts], session)

    async def add_places(self, places: Mapping[str, Document]) -> None:
        """Note further places (image -> its place), each once and up to ``MORE_PLACES``."""
        if places:
            full = f"places.{MORE_PLACES - 1}"
            writes = [
                UpdateOne(
                    {
                        "_id": image,
                        full: {"$exists": False},
                        "url": {"$ne": place["url"]},
                        "places.url": {"$ne": place["url"]},
                    },
                    {"$push": {"places": place}},
                )
                for image, place in places.items()
            ]
            await self.collection.bulk_write(writes, ordered=False)

    async def found_at(self, url: str) -> list[str]:
        """The images that were found at a URL. Reads the whole collection: for takedowns only."""
        return await self._ids({"$or": [{"url": url}, {"places.url": url}]})

    async def by_author(self, source: str, author: str) -> list[str]:
        """The images of an author, as a source names him. Reads the whole collection: for takedowns only."""
        theirs = {"source": source, "provenance.author": author}
        return await self._ids({"$or": [theirs, {"places": {"$elemMatch": theirs}}]})

    async def _ids(self, only: Mapping[str, Any]) -> list[str]:
        return [document["_id"] for document in await self.collection.find(only, {"_id": 1}).sort("_id").to_list()]

    async def delete(self, images: Sequence[str]) -> None:
        """Remove facts and places."""
        await self.collection.delete_many({"_id": {"$in": list(images)}})

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


def _urls(document: Document) -> set[str]:
    return {place.get("url", "") for place in (document, *document.get("places", ()))} - {""}


__all__ = ["MORE_PLACES", "PLACE", "DuplicateKeyError", "Images"]
