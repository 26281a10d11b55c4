"""Appeals: what somebody says against a refusal, and what they were answered."""

from datetime import datetime
from typing import Literal

from pymongo import ASCENDING, DESCENDING

from api.store.connection import Collection, Database, Document, Session

AppealState = Literal["open", "accepted", "declined"]


class Appeals:
    """One document a refused submission, with its id."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["appeals"]

    async def get(self, submission: str) -> Document | None:
        """The appeal against the refusal of a submission."""
        return await self.collection.find_one({"_id": submission})

    async def send(self, submission: str, fields: Document, now: datetime) -> bool:
        """Keep somebody's words; they may be changed until they are answered. Says whether they were kept."""
        found = await self.collection.find_one({"_id": submission}, {"state": 1})
        if found is not None and found["state"] != "open":
            return False
        first = {"sent_at": now, "state": "open", "answer": "", "by": "", "answered_at": None}
        await self.collection.update_one({"_id": submission}, {"$set": fields, "$setOnInsert": first}, upsert=True)
        return True

    async def answer(
        self, submission: str, state: AppealState, answer: str, by: str, now: datetime, session: Session
    ) -> bool:
        """Answer an open appeal; says whether this call did it."""
        result = await self.collection.update_one(
            {"_id": submission, "state": "open"},
            {"$set": {"state": state, "answer": answer, "by": by, "answered_at": now}},
            session=session,
        )
        return result.modified_count == 1

    async def waiting(self, after: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Appeals that nobody has answered, the longest waiting first."""
        only: Document = {"state": "open"}
        if after is not None:
            at, identifier = after
            only["$or"] = [{"sent_at": {"$gt": at}}, {"sent_at": at, "_id": {"$gt": identifier}}]
        found = self.collection.find(only).sort([("sent_at", ASCENDING), ("_id", ASCENDING)])
        return await found.limit(limit).to_list()

    async def answered(self, limit: int) -> list[Document]:
        """The appeals that were answered last."""
        found = self.collection.find({"state": {"$ne": "open"}}).sort([("answered_at", DESCENDING)])
        return await found.limit(limit).to_list()

    async def open_ones(self, most: int) -> int:
        """How many wait, counted up to ``most``."""
        return await self.collection.count_documents({"state": "open"}, limit=most)

    async def of(self, submissions: list[str]) -> dict[str, str]:
        """Submission -> state of its appeal."""
        found = self.collection.find({"_id": {"$in": submissions}}, {"state": 1})
        return {document["_id"]: str(document["state"]) async for document in found}
