"""Task sets: what a curator chose to be asked of people, with a number and a name; and what he did by hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from active_learning.domain.errors import InputError, NotFound
from api.store.connection import Collection, Database, Document, Session


class SetState(StrEnum):
    """A task set is a list, is arranged into tasks, is posted, or was given up."""

    DRAFT = "draft"
    ARRANGED = "arranged"
    POSTED = "posted"
    CANCELLED = "cancelled"


class TaskSets:
    """One document a task set; ``images`` are those that were chosen, in their order."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["task_sets"]

    async def insert(self, category: str, number: int, fields: Mapping[str, Any]) -> None:
        """Store a new draft; raises :class:`InputError` when the number is taken."""
        document = {
            "_id": f"{category}:{number}",
            "category": category,
            "number": number,
            "state": SetState.DRAFT.value,
            "tasks": [],
            "arranged": 0,
            "arrangement": None,
            "posted_at": None,
            **fields,
        }
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError as error:
            raise InputError(f"There is already a task set {number}.", "Choose another number.") from error

    async def newest(self, category: str) -> int:
        """The largest number so far; 0 before the first set."""
        found = await self.collection.find_one({"category": category}, {"number": 1}, sort=[("number", DESCENDING)])
        return 0 if found is None else int(found["number"])

    async def get(self, category: str, number: int, session: Session | None = None) -> Document:
        """One set, or :class:`NotFound`."""
        found = await self.collection.find_one({"_id": f"{category}:{number}"}, session=session)
        if found is None:
            raise NotFound(f"'{category}' has no task set {number}.", "The page Task sets shows those that exist.")
        return found

    async def page(self, category: str, below: int | None, size: int) -> list[Document]:
        """The next ``size`` sets, newest first, without their images but with how many there are."""
        only: Document = {"category": category} | ({} if below is None else {"number": {"$lt": below}})
        pipeline: list[Document] = [
            {"$match": only},
            {"$sort": {"number": DESCENDING}},
            {"$limit": size},
            {"$set": {"size": {"$size": "$images"}}},
            {"$unset": "images"},
        ]
        cursor = await self.collection.aggregate(pipeline)
        return await cursor.to_list()

    async def drafts(self, category: str, most: int) -> list[Document]:
        """The newest sets that images can still be added to (number and name)."""
        found = self.collection.find(
            {"category": category, "state": SetState.DRAFT.value}, {"number": 1, "name": 1}, hint="drafts"
        )
        return await found.sort("number", DESCENDING).limit(most).to_list()

    async def change(
        self, category: str, number: int, state: SetState, fields: Mapping[str, Any], session: Session | None = None
    ) -> bool:
        """Set ``fields`` if the set is in ``state``; say whether it was."""
        result = await self.collection.update_one(
            {"_id": f"{category}:{number}", "state": state.value}, {"$set": dict(fields)}, session=session
        )
        return result.matched_count == 1

    async def add(self, category: str, number: int, images: Sequence[str], most: int) -> list[str] | None:
        """Add images that are not in a draft yet, those that fit below ``most``; returns the new ones.

        ``None`` where the set is no draft.
        """
        before = await self.collection.find_one_and_update(
            {"_id": f"{category}:{number}", "state": SetState.DRAFT.value},
            [
                {
                    "$set": {
                        "images": {
                            "$slice": [
                                {
                                    "$concatArrays": [
                                        "$images",
                                        {
                                            "$filter": {
                                                "input": {"$literal": list(dict.fromkeys(images))},
                                                "cond": {"$not": [{"$in": ["$$this", "$images"]}]},
                                            }
                                        },
                                    ]
                                },
                                most,
                            ]
                        }
                    }
                }
            ],
            return_document=ReturnDocument.BEFORE,
        )
        if before is None:
            return None
        there = set(before["images"])
        fresh = [image for image in dict.fromkeys(images) if image not in there]
        return fresh[: max(0, most - len(there))]

    async def remove(self, category: str, number: int, images: Sequence[str]) -> int | None:
        """Take images out of a draft; returns how many it had. ``None`` where the set is no draft."""
        before = await self.collection.find_one_and_update(
            {"_id": f"{category}:{number}", "state": SetState.DRAFT.value},
            {"$pullAll": {"images": list(images)}},
            return_document=ReturnDocument.BEFORE,
        )
        return None if before is None else len(set(before["images"]) & set(images))


class HandActs:
    """One document for each thing that a curator did to images of the pool, with what it changed: it can be undone."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["hand_acts"]

    async def insert(self, identifier: str, fields: Mapping[str, Any]) -> None:
        """Write an act down before it is done."""
        await self.collection.insert_one({"_id": identifier, "undone_at": None, **fields})

    async def get(self, category: str, identifier: str) -> Document:
        """One act, or :class:`NotFound`."""
        found = await self.collection.find_one({"_id": identifier, "category": category})
        if found is None:
            raise NotFound("There is no such act.", "Go back to the pool.")
        return found

    async def put(self, identifier: str, fields: Mapping[str, Any]) -> None:
        """Write down what it changed."""
        await self.collection.update_one({"_id": identifier}, {"$set": dict(fields)})

    async def undone(self, identifier: str, now: datetime) -> bool:
        """Mark it as undone, once; say whether this call did it."""
        result = await self.collection.update_one({"_id": identifier, "undone_at": None}, {"$set": {"undone_at": now}})
        return result.modified_count == 1
