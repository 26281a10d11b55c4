"""Hosts: when each may be asked next, for all processes together, and what its robots.txt says.

Time is MongoDB's own (``$$NOW``): the clocks of download nodes need not agree.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from api.store.connection import Collection, Database

ROBOTS_KEPT = timedelta(days=1)
CLAIMED_MS = 20_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in the row at a host: ``wait`` seconds from now; not ``taken`` where that was too long."""

    taken: bool
    wait: float
    mark: Any
    """When the turn comes, by MongoDB's clock."""


class Hosts:
    """One document a host (``name:port``). An old one costs a few bytes; robots.txt goes after a day."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["hosts"]

    async def take_turn(self, host: str, interval: float, longest: float) -> Turn:
        """Take the next turn at ``host``, ``interval`` seconds after the one before, unless it is too far away."""
        next_at = {"$max": [{"$ifNull": ["$next_at", "$$NOW"]}, "$$NOW"]}
        spacing = {"$max": [interval * 1_000.0, {"$ifNull": ["$crawl_delay_ms", 0]}]}
        document = await self.collection.find_one_and_update(
            {"_id": host},
            [
                {"$set": {"asked_at": "$$NOW", "turn_at": next_at}},
                {"$set": {"taken": {"$lte": [{"$subtract": ["$turn_at", "$$NOW"]}, longest * 1_000.0]}}},
                {"$set": {"next_at": {"$cond": ["$taken", {"$add": ["$turn_at", spacing]}, "$turn_at"]}}},
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert document is not None  # an upsert finds what it has made
        wait = (document["turn_at"] - document["asked_at"]).total_seconds()
        return Turn(document["taken"], wait, document["turn_at"])

    async def held_after(self, host: str, mark: Any) -> bool:
        """Whether somebody has made everybody wait at ``host`` beyond the moment of a turn."""
        return await self.collection.find_one({"_id": host, "held_until": {"$gt": mark}}, {"_id": 1}) is not None

    async def hold(self, host: str, seconds: float) -> None:
        """Nobody gets a turn for so many seconds."""
        until = {"$add": ["$$NOW", seconds * 1_000.0]}
        await self.collection.update_one(
            {"_id": host},
            [
                {"$set": {"held_until": {"$max": [{"$ifNull": ["$held_until", "$$NOW"]}, until]}}},
                {"$set": {"next_at": {"$max": [{"$ifNull": ["$next_at", "$$NOW"]}, "$held_until"]}}},
            ],
            upsert=True,
        )

    async def holds(self) -> dict[str, float]:
        """The hosts that are held now, and for how many seconds more."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"$expr": {"$gt": ["$held_until", "$$NOW"]}}},
            {"$project": {"seconds": {"$divide": [{"$subtract": ["$held_until", "$$NOW"]}, 1_000.0]}}},
        ]
        cursor = await self.collection.aggregate(pipeline)
        return {one["_id"]: one["seconds"] async for one in cursor}

    async def slow_down(self, host: str, seconds: float) -> None:
        """The host's own Crawl-delay: no shorter interval is ever used."""
        await self.collection.update_one({"_id": host}, {"$set": {"crawl_delay_ms": seconds * 1_000.0}}, upsert=True)

    async def robots(self, host: str) -> str | None:
        """The stored robots.txt, if it is not too old."""
        fresh = {"$expr": {"$gt": ["$robots_at", {"$subtract": ["$$NOW", ROBOTS_KEPT.total_seconds() * 1_000.0]}]}}
        document = await self.collection.find_one({"_id": host, **fresh}, {"robots": 1})
        return None if document is None else str(document["robots"])

    async def claim_robots(self, host: str) -> bool:
        """Whether the caller is the one who asks for it now; others wait for what he stores, 20 s at most."""
        free = {"$lt": [{"$ifNull": ["$robots_claimed_at", datetime.min]}, {"$subtract": ["$$NOW", CLAIMED_MS]}]}
        document = await self.collection.find_one_and_update(
            {"_id": host},
            [
                {"$set": {"robots_mine": free}},
                {"$set": {"robots_claimed_at": {"$cond": ["$robots_mine", "$$NOW", "$robots_claimed_at"]}}},
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return document is not None and bool(document["robots_mine"])

    async def keep_robots(self, host: str, text: str) -> None:
        """Store it, with the time."""
        await self.collection.update_one(
            {"_id": host}, [{"$set": {"robots": {"$literal": text}, "robots_at": "$$NOW"}}], upsert=True
        )
