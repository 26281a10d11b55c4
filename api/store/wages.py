"""What people have worked and earned: one document a category and annotator, kept when it happens."""

from collections.abc import Mapping, Sequence
from typing import Any

from active_learning.wages import AWAY_MS, ENOUGH_MS, HOUR_MS, hourly_cents
from api.store.connection import Collection, Database, Document, Session

COUNTS = ("active_ms", "earned_cents", "submitted", "unfinished")
"""Work measured in milliseconds, cents that the market has paid out, assignments that ended either way."""

WORKED: Document = {
    "$sum": {
        "$map": {
            "input": {"$concatArrays": ["$answers", {"$ifNull": ["$lessons", []]}]},
            "in": {"$min": ["$$this.visible_ms", AWAY_MS]},
        }
    }
}
"""``active_learning.wages.active_ms`` of a submission, as MongoDB says it, before the clock bounds it."""


class Wages:
    """Kept counters of every annotator of a category, and ``hourly``, the cents an hour that they make."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.collection: Collection = database["wages"]

    async def count(self, category: str, annotator: str, changes: Mapping[str, int], session: Session | None) -> None:
        """Add ``changes`` to :data:`COUNTS`, in the transaction that makes them true."""
        wanted = {name: changes.get(name, 0) for name in COUNTS}
        if not any(wanted.values()):
            return
        added: Document = {name: {"$add": [{"$ifNull": [f"${name}", 0]}, n]} for name, n in wanted.items()}
        # A name that begins with a dollar is a name here, and no field.
        who: Document = {"category": {"$literal": category}, "annotator": {"$literal": annotator}}
        await self.collection.update_one(
            {"_id": f"{category}:{annotator}"},
            [{"$set": {**who, **added}}, {"$set": {"hourly": _HOURLY}}],
            upsert=True,
            session=session,
        )

    async def get(self, category: str, annotator: str) -> Document | None:
        """One annotator's counters in one category."""
        return await self.collection.find_one({"_id": f"{category}:{annotator}"})

    async def of(self, annotators: Sequence[str]) -> list[Document]:
        """The counters of these annotators in every category."""
        return await self.collection.find({"annotator": {"$in": list(annotators)}}).sort("_id").to_list()

    async def lowest(
        self, category: str | None, after: tuple[float, str] | None, limit: int, below: float | None = None
    ) -> list[Document]:
        """Annotators by their hourly wage, the lowest first, from ``after`` on (wage and id of the last one seen).

        Whoever has worked too little for an hourly wage is left out; ``below`` leaves out who earns as much or more.
        """
        only: Document = {"hourly": {"$gte": 0} if below is None else {"$gte": 0, "$lt": below}}
        if category is not None:
            only["category"] = category
        if after is not None:
            wage, identifier = after
            only["$or"] = [{"hourly": {"$gt": wage}}, {"hourly": wage, "_id": {"$gt": identifier}}]
        return await self.collection.find(only).sort([("hourly", 1), ("_id", 1)]).limit(limit).to_list()

    async def hourly(self, category: str | None, most: int) -> list[float]:
        """The hourly wages of at most so many annotators, in order of their ids."""
        only: Document = {"hourly": {"$gte": 0}} if category is None else {"category": category, "hourly": {"$gte": 0}}
        found = self.collection.find(only, {"hourly": 1}).limit(most)
        return [float(one["hourly"]) async for one in found]

    async def counted(self, category: str) -> dict[str, dict[str, int]]:
        """Annotator -> :data:`COUNTS`, from submissions, assignments and the ledger themselves. Never for a page."""
        found: dict[str, dict[str, int]] = {}
        for collection, pipeline in _sources(category).items():
            cursor = await self.database[collection].aggregate(pipeline)
            async for row in cursor:
                who = found.setdefault(row.pop("_id"), dict.fromkeys(COUNTS, 0))
                for name, n in row.items():
                    who[name] += int(n)
        return found


def hourly(counts: Mapping[str, int]) -> float | None:
    """The cents an hour of one annotator's counters, as they are kept beside them."""
    return hourly_cents(counts["earned_cents"], counts["active_ms"])


_HOURLY: Document = {
    "$cond": [
        {"$gte": ["$active_ms", ENOUGH_MS]},
        {"$divide": [{"$multiply": ["$earned_cents", HOUR_MS]}, "$active_ms"]},
        None,
    ]
}


def _sources(category: str) -> dict[str, list[dict[str, Any]]]:
    """Where each counter comes from: collection -> a pipeline that gives annotator and differences.

    A submission's time is what its assignment says that the clock allowed; documents of before know no such time.
    """
    judged = {"$lookup": {"from": "verdicts", "localField": "_id", "foreignField": "_id", "as": "verdict"}}
    began = {"$lookup": {"from": "assignments", "localField": "_id", "foreignField": "_id", "as": "began"}}
    elapsed = {"$subtract": ["$submitted_at", {"$first": "$began.opened_at"}]}  # null where nobody knows: $min skips it
    worked = {"$sum": {"$round": [{"$max": [0, {"$min": [WORKED, elapsed]}]}]}}
    return {
        "submissions": [
            {"$match": {"category": category}},
            judged,
            {"$match": {"verdict": {"$ne": []}}},
            began,
            {"$group": {"_id": "$annotator", "active_ms": worked, "submitted": {"$sum": 1}}},
        ],
        "assignments": [
            {"$match": {"category": category, "active_ms": {"$exists": True}}},
            {"$group": {"_id": "$annotator", "active_ms": {"$sum": "$active_ms"}, "unfinished": {"$sum": 1}}},
        ],
        "payments": [
            {"$match": {"category": category, "done_at": {"$ne": None}}},
            {"$group": {"_id": "$annotator", "earned_cents": {"$sum": {"$ifNull": ["$bonus", "$reward"]}}}},
        ],
    }
