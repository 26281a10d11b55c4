"""The ledger of outward acts on money. An act is written down before it is done and marked when it is done."""

from datetime import datetime
from typing import Literal

from api.store.connection import Collection, Database, Document, Session

Act = Literal["approve", "reject"]


class Payments:
    """One document an assignment; the id is the token that makes a repeat harmless."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["payments"]

    async def intend(self, assignment: str, fields: Document, now: datetime, session: Session) -> None:
        """Write down what is about to be done at the market."""
        document = {"_id": assignment, **fields, "done_at": None, "intended_at": now}
        await self.collection.insert_one(document, session=session)

    async def undone(self, category: str) -> list[Document]:
        """Acts that were written down but not confirmed by the market."""
        return await self.collection.find({"category": category, "done_at": None}).sort("_id").to_list()

    async def done(self, assignment: str, now: datetime, session: Session) -> bool:
        """Mark an act as done; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": assignment, "done_at": None}, {"$set": {"done_at": now}}, session=session
        )
        return result.modified_count == 1

    async def totals(self, category: str) -> tuple[int, int]:
        """(approved assignments, cents paid with fees), from the ledger itself: for checks."""
        pipeline: list[Document] = [
            {"$match": {"category": category, "act": "approve", "done_at": {"$ne": None}}},
            {"$group": {"_id": None, "n": {"$sum": 1}, "cents": {"$sum": "$cents"}}},
        ]
        cursor = await self.collection.aggregate(pipeline)
        rows = await cursor.to_list()
        return (rows[0]["n"], rows[0]["cents"]) if rows else (0, 0)
