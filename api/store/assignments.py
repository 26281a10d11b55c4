"""Assignments in progress: the images in their order, the answers saved so far. Erased when unfinished work ends."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from active_learning.domain.submission import Response
from api.store.connection import Collection, Database, Document, Session


class AssignmentState(StrEnum):
    """An assignment's life on Winnow's side."""

    WORKING = "working"
    SUBMITTED = "submitted"
    ERASED = "erased"


class Assignments:
    """One document an annotator and market assignment."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["assignments"]

    async def insert(self, identifier: str, fields: dict[str, Any], session: Session) -> None:
        """Start it. ``number`` counts the annotator's assignments in the category: two cannot start as the same.

        Raises ``DuplicateKeyError`` where this one exists or the number is taken.
        """
        document = {"_id": identifier, **fields, "state": AssignmentState.WORKING.value, "answers": {}}
        await self.collection.insert_one(document, session=session)

    async def earlier(self, category: str, annotator: str) -> list[Document]:
        """What an annotator was shown in a category so far, whatever became of it, in order."""
        fields = ("task", "state", "number", "images", "gold", "lessons")
        found = self.collection.find({"category": category, "annotator": annotator}, dict.fromkeys(fields, 1))
        return await found.sort("number").to_list()

    async def get(self, identifier: str) -> Document | None:
        """The assignment."""
        return await self.collection.find_one({"_id": identifier})

    async def shown(self, category: str) -> AsyncIterator[tuple[str, str, list[str]]]:
        """(task, annotator, images without lessons) of every assignment of a category: for checks."""
        fields = dict.fromkeys(("task", "annotator", "images", "lessons"), 1)
        async for document in self.collection.find({"category": category}, fields):
            yield document["task"], document["annotator"], document["images"][document["lessons"] :]

    async def images(self, identifier: str) -> tuple[list[str], datetime] | None:
        """The images in their order, and the deadline: neither ever changes. ``None`` when there is no such one."""
        document = await self.collection.find_one({"_id": identifier}, {"images": 1, "deadline": 1})
        return None if document is None else (document["images"], document["deadline"])

    async def save(self, identifier: str, responses: Sequence[Response]) -> bool:
        """Keep responses, the last one for a position wins; ``False`` unless it is open and has all the positions."""
        fields = {f"answers.{r.position}": r.model_dump(mode="json") for r in responses}
        furthest = max(response.position for response in responses)
        result = await self.collection.update_one(
            {
                "_id": identifier,
                "state": AssignmentState.WORKING.value,
                f"images.{furthest}": {"$exists": True},
            },
            {"$set": fields},
        )
        return result.matched_count == 1

    async def finish(self, identifier: str, session: Session) -> bool:
        """Close it as submitted; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": identifier, "state": AssignmentState.WORKING.value},
            {"$set": {"state": AssignmentState.SUBMITTED.value}},
            session=session,
        )
        return result.modified_count == 1

    async def began(self, identifier: str) -> datetime | None:
        """When it was opened for the first time."""
        document = await self.collection.find_one({"_id": identifier}, {"opened_at": 1})
        return None if document is None else document["opened_at"]

    async def late(self, now: datetime) -> list[str]:
        """The unfinished assignments whose time is over and that have answers."""
        working = {"state": AssignmentState.WORKING.value, "deadline": {"$lt": now}}
        found = self.collection.find({**working, "answers": {"$ne": {}}}, {"_id": 1})
        return [document["_id"] async for document in found.sort("deadline")]

    async def unjudged(self, category: str, since: datetime, until: datetime) -> list[Document]:
        """(_id, task, annotator, market_assignment) of finished work whose time ran out between, and has no verdict."""
        pipeline: list[Document] = [
            {
                "$match": {
                    "state": AssignmentState.SUBMITTED.value,
                    "deadline": {"$gte": since, "$lt": until},
                    "category": category,
                }
            },
            {"$project": {"task": 1, "annotator": 1, "market_assignment": 1}},
            {"$lookup": {"from": "verdicts", "localField": "_id", "foreignField": "_id", "as": "verdicts"}},
            {"$match": {"verdicts": []}},
            {"$sort": {"_id": 1}},
        ]
        return await (await self.collection.aggregate(pipeline)).to_list()

    async def erase(self, identifier: str, session: Session) -> Document | None:
        """Erase the answers of one unfinished assignment; returns it as it was, ``None`` unless it was at work."""
        return await self.collection.find_one_and_update(
            {"_id": identifier, "state": AssignmentState.WORKING.value},
            {"$set": {"state": AssignmentState.ERASED.value, "answers": {}}},
            session=session,
        )

    async def put_work(self, identifier: str, active_ms: int, session: Session) -> None:
        """Note how long somebody worked on what was erased."""
        await self.collection.update_one({"_id": identifier}, {"$set": {"active_ms": active_ms}}, session=session)

    async def erase_late(self, now: datetime) -> int:
        """Erase the answers of unfinished assignments whose time is over; returns how many."""
        result = await self.collection.update_many(
            {"state": AssignmentState.WORKING.value, "deadline": {"$lt": now}},
            {"$set": {"state": AssignmentState.ERASED.value, "answers": {}}},
        )
        return result.modified_count
