"""The ledger of outward acts on money. An act is written down before it is done and marked when it is done."""

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
        waiting = {"category": category, "done_at": None, "refused_at": None}
        return await self.collection.find(waiting).sort("_id").to_list()

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
