"""The ledger of outward acts on money. An act is written down before it is done and marked when it is done."""

from collections.abc import AsyncIterator
from collections.abc import Collection as Bag
from datetime import datetime
from typing import Literal

from api.store.connection import Collection, Database, Document, Session

Act = Literal["approve", "reject", "bonus"]

Kind = Literal["reward", "refusal", "floor", "unfinished", "bonus"]
"""What an act is for: a submission's reward or its refusal, a bonus up to the wage floor, for unfinished work, or one
that somebody gives."""

KINDS: tuple[Kind, ...] = ("reward", "floor", "unfinished", "bonus", "refusal")

FLOOR, UNFINISHED = ":floor", ":bonus"
"""How the ids of bonuses end that Winnow pays by itself."""


def kind(identifier: str, act: Act) -> Kind:
    """What an act of the ledger is for."""
    if act == "bonus":
        return "floor" if identifier.endswith(FLOOR) else "unfinished" if identifier.endswith(UNFINISHED) else "bonus"
    return "reward" if act == "approve" else "refusal"


class Payments:
    """One document an act. Its id makes a repeat harmless: the market's assignment, or ours and what a bonus is for.

    ``cents`` is what the act costs, the market's fee included; ``reward`` or ``bonus`` is what a person gets of it.
    What the market will not do is marked as refused.
    """

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["payments"]

    async def intend(self, identifier: str, fields: Document, now: datetime, session: Session) -> None:
        """Write down what is about to be done at the market."""
        document = {"_id": identifier, **fields, "done_at": None, "refused_at": None, "intended_at": now}
        await self.collection.insert_one(document, session=session)

    async def get(self, identifier: str, session: Session | None = None) -> Document | None:
        """One act of the ledger."""
        return await self.collection.find_one({"_id": identifier}, session=session)

    async def undone(self, category: str) -> list[Document]:
        """Acts that were written down, neither confirmed nor refused by the market."""
        waiting = {"category": category, "done_at": None, "refused_at": None, "waits": {"$ne": True}}
        return await self.collection.find(waiting).sort("_id").to_list()

    async def release(self, identifier: str, fields: Document, session: Session) -> bool:
        """Let go of an act that waits for a person, changed by ``fields``; says whether this call did it."""
        result = await self.collection.update_one(
            {"_id": identifier, "waits": True}, {"$set": {**fields, "waits": False}}, session=session
        )
        return result.modified_count == 1

    async def turn(self, identifier: str, fields: Document) -> None:
        """Change an act that is not done yet; it waits for nobody any more."""
        await self.collection.update_one({"_id": identifier, "done_at": None}, {"$set": {**fields, "waits": False}})

    async def waiting(self, after: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Acts that wait for a person, the longest waiting first."""
        only: Document = {"waits": True}
        if after is not None:
            at, identifier = after
            only["$or"] = [{"intended_at": {"$gt": at}}, {"intended_at": at, "_id": {"$gt": identifier}}]
        found = self.collection.find(only).sort([("intended_at", 1), ("_id", 1)])
        return await found.limit(limit).to_list()

    async def overdue(self, category: str, before: datetime) -> list[Document]:
        """Acts of a category that have waited for a person since before this moment."""
        only = {"waits": True, "category": category, "intended_at": {"$lt": before}}
        return await self.collection.find(only).to_list()

    async def about(self, category: str, annotator: str, market_assignments: Bag[str]) -> dict[str, list[Document]]:
        """Everything in the ledger about these assignments of somebody, each in the order of its acts."""
        found: dict[str, list[Document]] = {assignment: [] for assignment in market_assignments}
        async for document in self.collection.find({"category": category, "annotator": annotator}).sort("intended_at"):
            assignment = document.get("assignment", document["_id"])
            if assignment in found:
                found[assignment].append(document)
        return found

    async def extras(self, submission: str) -> int:
        """How many bonuses a person has given for a submission."""
        first, last = f"{submission}:extra:0", f"{submission}:extra::"
        return await self.collection.count_documents({"_id": {"$gt": first, "$lt": last}})

    async def of_hit(self, category: str, hit: str) -> list[Document]:
        """Everything in the ledger about a HIT, in the order of ids."""
        return await self.collection.find({"category": category, "hit": hit}).sort("_id").to_list()

    async def by_hit(self, category: str) -> dict[str, tuple[int, int, int]]:
        """HIT -> how many of its acts are done, refused and neither."""
        pipeline: list[Document] = [
            {"$match": {"category": category}},
            {
                "$group": {
                    "_id": "$hit",
                    "n": {"$sum": 1},
                    "done": {"$sum": {"$cond": [{"$ne": ["$done_at", None]}, 1, 0]}},
                    "refused": {"$sum": {"$cond": [{"$ne": ["$refused_at", None]}, 1, 0]}},
                }
            },
        ]
        found = await (await self.collection.aggregate(pipeline)).to_list()
        return {row["_id"]: (row["done"], row["refused"], row["n"] - row["done"] - row["refused"]) for row in found}

    async def done(self, identifier: str, now: datetime, session: Session) -> bool:
        """Mark an act as done; say whether this call did it."""
        return await self._end(identifier, {"done_at": now}, session)

    async def refused(self, identifier: str, why: str, now: datetime, session: Session) -> bool:
        """Mark an act as refused for good, with the reason; say whether this call did it."""
        return await self._end(identifier, {"refused_at": now, "refused": why}, session)

    async def _end(self, identifier: str, fields: Document, session: Session) -> bool:
        result = await self.collection.update_one(
            {"_id": identifier, "done_at": None, "refused_at": None}, {"$set": fields}, session=session
        )
        return result.modified_count == 1

    async def latest(self, category: str | None, before: tuple[datetime, str] | None, limit: int) -> list[Document]:
        """Acts in the order in which they were written down, the newest first, from ``before`` (time and id) on."""
        only: Document = {} if category is None else {"category": category}
        if before is not None:
            at, identifier = before
            only["$or"] = [{"intended_at": {"$lt": at}}, {"intended_at": at, "_id": {"$lt": identifier}}]
        found = self.collection.find(only).sort([("intended_at", -1), ("_id", -1)])
        return await found.limit(limit).to_list()

    async def stream(self, category: str | None) -> AsyncIterator[Document]:
        """Every act, in the order of ids."""
        async for document in self.collection.find({} if category is None else {"category": category}).sort("_id"):
            yield document

    async def refused_for(self, category: str, why: str, limit: int = 500) -> list[Document]:
        """Acts that were refused for this reason, the oldest first."""
        only = {"category": category, "done_at": None, "refused": why}
        return await self.collection.find(only).sort("refused_at").limit(limit).to_list()

    async def reopen(self, identifier: str, why: str, session: Session) -> bool:
        """Take back that an act was refused for this reason; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": identifier, "done_at": None, "refused": why},
            {"$set": {"refused_at": None}, "$unset": {"refused": ""}},
            session=session,
        )
        return result.modified_count == 1

    async def has_bonus(self, category: str, annotator: str, task: str, session: Session) -> bool:
        """Whether unfinished work of an annotator on a task was paid, or is going to be."""
        only = {"category": category, "annotator": annotator, "act": "bonus", "task": task, "refused_at": None}
        return await self.collection.find_one(only, {"_id": 1}, session=session) is not None

    async def totals(self, category: str) -> dict[str, tuple[int, int]]:
        """Act -> (how many were done, their cents), from the ledger itself: for checks."""
        pipeline: list[Document] = [
            {"$match": {"category": category, "done_at": {"$ne": None}}},
            {"$group": {"_id": "$act", "n": {"$sum": 1}, "cents": {"$sum": "$cents"}}},
        ]
        cursor = await self.collection.aggregate(pipeline)
        found = {row["_id"]: (row["n"], row["cents"]) for row in await cursor.to_list()}
        return {act: found.get(act, (0, 0)) for act in ("approve", "reject", "bonus")}
