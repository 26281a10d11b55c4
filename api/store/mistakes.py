"""Candidates that somebody should look at: each list from an index of its own, a page at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from active_learning.domain.candidate import State
from api.store.candidates import key
from api.store.connection import Collection, Database, Document
from api.store.shards import Shard

FIELDS = {
    **{"_id": 0, "image": 1, "state": 1, "role": 1, "answer": 1, "source": 1, "score": 1, "certainty": 1},
    **{"disputed": 1, "audited": 1, "rechecked": 1, "gold": 1},
}


class Mistakes:
    """Reads of the candidates. ``after`` is the last image of the page before."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["candidates"]

    async def of(self, category: str, images: Sequence[str]) -> list[Document]:
        """These candidates, in this order; those that there are not are left out."""
        found = self.collection.find({"_id": {"$in": [key(category, image) for image in images]}}, FIELDS)
        by_image = {document["image"]: document async for document in found}
        return [by_image[image] for image in images if image in by_image]

    async def audited(self, category: str, said: bool, after: str, limit: int) -> list[Document]:
        """Labels of the model that people contradicted when they checked them, in the order of ids."""
        only = {
            **{"category": category, "_id": {"$gt": key(category, after)}, "audited": {"$exists": True}},
            **{"audited.value": said, "answer": not said, "state": State.LABELED.value},
        }
        return await self._page(only, "contradicted", {"_id": 1}, limit)

    async def disputed(self, category: str, after: str, limit: int) -> list[Document]:
        """What people could not agree on, in the order of ids."""
        only = {"category": category, "_id": {"$gt": key(category, after)}, "disputed": True}
        return await self._page(only, "disputed", {"_id": 1}, limit)

    async def contested(self, category: str, after: Document | None, limit: int) -> list[Document]:
        """Labels of people from the least certain on, below certainty."""
        only: dict[str, Any] = {"category": category, "certainty": {"$exists": True}, "state": State.LABELED.value}
        only |= _following(category, "certainty", 1, after) or {}
        return await self._page(only, "contested", {"certainty": 1, "_id": 1}, limit)

    async def rechecked(self, category: str, after: Document | None, limit: int) -> list[Document]:
        """Labels of people that went back to people because they were likely wrong, the newest round first."""
        only: dict[str, Any] = {"category": category, "rechecked": {"$exists": True}}
        only |= _following(category, "rechecked", -1, after) or {}
        return await self._page(only, "rechecked", {"rechecked": -1, "_id": 1}, limit)

    async def beside(self, category: str, image: str) -> tuple[str | None, str | None]:
        """The images before and after this one in the order of ids."""
        here, whole = key(category, image), Shard(0, 0).keys(category)
        found = []
        for keys, way in (({"$lt": here, "$gte": whole["$gte"]}, -1), ({"$gt": here, "$lte": whole["$lte"]}, 1)):
            document = await self.collection.find_one({"_id": keys}, {"image": 1}, sort=[("_id", way)])
            found.append(None if document is None else str(document["image"]))
        return found[0], found[1]

    async def _page(self, only: Mapping[str, Any], index: str, order: Mapping[str, int], limit: int) -> list[Document]:
        found = self.collection.find(only, FIELDS, hint=index).sort(list(order.items())).limit(limit)
        return await found.to_list()


def _following(category: str, field: str, way: int, after: Document | None) -> dict[str, Any] | None:
    """The condition on what follows ``after`` in the order of ``field`` (1 ascending, -1 descending), then of ids."""
    if after is None:
        return None
    beyond = {"$gt" if way > 0 else "$lt": after[field]}
    same = {field: after[field], "_id": {"$gt": key(category, after["image"])}}
    return {"$or": [{field: beyond}, same]}
