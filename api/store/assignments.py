"""Assignments in progress: the images in their order, the answers saved so far. Erased when unfinished work ends."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import ReturnDocument

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

    async def open(self, identifier: str, fields: dict[str, Any]) -> Document:
        """Start it, or resume the one that exists: a reload must find the same order and answers."""
        document = await self.collection.find_one_and_update(
            {"_id": identifier},
            {"$setOnInsert": {**fields, "state": AssignmentState.WORKING.value, "answers": {}}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if document is None:  # an upsert with AFTER always returns one; the driver's type does not say so
            raise LookupError(identifier)
        return document

    async def get(self, identifier: str) -> Document | None:
        """The assignment."""
        return await self.collection.find_one({"_id": identifier})

    async def image(self, identifier: str, position: int) -> str | None:
        """The image at a position, read alone: a page of 150 images asks 150 times."""
        document = await self.collection.find_one({"_id": identifier}, {"images": {"$slice": [position, 1]}})
        return None if document is None or not document["images"] else str(document["images"][0])

    async def save(self, identifier: str, responses: Sequence[Response]) -> Document | None:
        """Keep responses, the last one for a position wins. ``None`` when the assignment is not open any more."""
        fields = {f"answers.{r.position}": r.model_dump(mode="json") for r in responses}
        return await self.collection.find_one_and_update(
            {"_id": identifier, "state": AssignmentState.WORKING.value},
            {"$set": fields},
            return_document=ReturnDocument.AFTER,
        )

    async def finish(self, identifier: str, session: Session) -> bool:
        """Close it as submitted; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": identifier, "state": AssignmentState.WORKING.value},
            {"$set": {"state": AssignmentState.SUBMITTED.value}},
            session=session,
        )
        return result.modified_count == 1

    async def erase_late(self, now: datetime) -> int:
        """Erase the answers of unfinished assignments whose time is over; returns how many."""
        result = await self.collection.update_many(
            {"state": AssignmentState.WORKING.value, "deadline": {"$lt": now}},
            {"$set": {"state": AssignmentState.ERASED.value, "answers": {}}},
        )
        return result.modified_count
