"""Scrapes: one document a search for images; and what has become of its images, counted by whoever fetched them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field
from pymongo import ReturnDocument

from active_learning.domain.errors import NotFound
from active_learning.domain.value import Value
from api.store.connection import Collection, Database, Document, Session


class ScrapeState(StrEnum):
    """A scrape runs, waits for its next night, was stopped by somebody, ended, or failed."""

    OPEN = "open"
    ASLEEP = "asleep"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"


class Tally(Value):
    """What has become of the images of a scrape: how many by outcome, bytes received, and what is in hand.

    ``waiting`` images are found and not yet decided, those in hand among them. ``images_per_s`` and ``bytes_per_s`` are
    the rates of those who have reported in the last seconds.
    """

    outcomes: dict[str, int] = Field(default_factory=dict)
    bytes: int = 0
    waiting: int = 0
    images_per_s: float = 0.0
    bytes_per_s: float = 0.0

    @property
    def decided(self) -> int:
        """Images with an outcome."""
        return sum(self.outcomes.values())


class Scrapes:
    """The collections ``scrapes`` and ``tallies``."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["scrapes"]
        self.tallies: Collection = database["tallies"]

    async def insert(self, scrape: str, fields: Mapping[str, Any]) -> bool:
        """Store a new scrape; ``False`` when it exists, which changes nothing."""
        result = await self.collection.update_one({"_id": scrape}, {"$setOnInsert": dict(fields)}, upsert=True)
        return result.upserted_id is not None

    async def get(self, scrape: str) -> Document:
        """One scrape; raises :class:`NotFound`."""
        document = await self.collection.find_one({"_id": scrape})
        if document is None:
            raise NotFound(f"There is no scrape '{scrape}'.", "`./winnow scrapes` lists them.")
        return document

    async def of_category(self, slug: str) -> list[Document]:
        """All scrapes of a category, the newest first."""
        return await self.collection.find({"category": slug}).sort([("started_at", -1), ("_id", 1)]).to_list()

    async def all(self) -> list[Document]:
        """Every scrape, the newest first."""
        return await self.collection.find({}).sort([("started_at", -1), ("_id", 1)]).to_list()

    async def in_states(self, states: Sequence[ScrapeState]) -> list[Document]:
        """The scrapes that stand so, the newest first."""
        wanted = [state.value for state in states]
        return await self.collection.find({"state": {"$in": wanted}}).sort([("started_at", -1), ("_id", 1)]).to_list()

    async def running(self) -> list[str]:
        """The ids of those whose images may be fetched now."""
        return [one["_id"] async for one in self.collection.find({"state": ScrapeState.OPEN.value}, {"_id": 1})]

    async def move(self, scrape: str, sources: tuple[ScrapeState, ...], target: ScrapeState, **fields: Any) -> bool:
        """Compare-and-set of the state; ``False`` when it was none of ``sources``."""
        result = await self.collection.update_one(
            {"_id": scrape, "state": {"$in": [state.value for state in sources]}},
            {"$set": {"state": target.value, **fields}},
        )
        return result.matched_count == 1

    async def put(self, scrape: str, fields: Mapping[str, Any], session: Session | None = None) -> None:
        """Set fields."""
        await self.collection.update_one({"_id": scrape}, {"$set": dict(fields)}, session=session)

    async def found(
        self, scrape: str, added: int, cursor: Mapping[str, Any], total: int | None, session: Session
    ) -> int:
        """Note where the source stands and that ``added`` images are new; returns how many it has found so far."""
        document = await self.collection.find_one_and_update(
            {"_id": scrape},
            {"$inc": {"found": added}, "$set": {"cursor": dict(cursor), "total": total}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return 0 if document is None else int(document["found"])

    async def tally(self, scrape: str, since: datetime) -> Tally:
        """The sum over everybody who fetches; rates of those who have reported ``since``."""
        document = await self.get(scrape)
        outcomes: dict[str, int] = {}
        size, images_per_s, bytes_per_s = 0, 0.0, 0.0
        async for part in self.tallies.find({"scrape": scrape}):
            for outcome, number in part.get("outcomes", {}).items():
                outcomes[outcome] = outcomes.get(outcome, 0) + number
            size += part["bytes"]
            if part["at"] >= since:
                images_per_s += part["images_per_s"]
                bytes_per_s += part["bytes_per_s"]
        waiting = max(0, document["found"] - sum(outcomes.values()))
        return Tally(outcomes=outcomes, bytes=size, waiting=waiting, images_per_s=images_per_s, bytes_per_s=bytes_per_s)

    async def count(
        self,
        scrape: str,
        owner: str,
        outcomes: Mapping[str, int],
        size: int,
        rates: tuple[float, float],
        now: datetime,
        session: Session,
    ) -> None:
        """Add to ``owner``'s tally. Everybody has one of their own, so that nobody waits for another's transaction."""
        await self.tallies.update_one(
            {"_id": f"{scrape}:{owner}"},
            {
                "$inc": {**{f"outcomes.{outcome}": n for outcome, n in outcomes.items()}, "bytes": size},
                "$set": {"scrape": scrape, "images_per_s": rates[0], "bytes_per_s": rates[1], "at": now},
            },
            upsert=True,
            session=session,
        )

    async def uncount(self, scrape: str, outcomes: Mapping[str, int], now: datetime, session: Session) -> None:
        """Take outcomes back that will be decided again."""
        counts = {outcome: -number for outcome, number in outcomes.items()}
        await self.count(scrape, "again", counts, 0, (0.0, 0.0), now, session)

    async def changes(self, slug: str) -> AsyncGenerator[None, None]:
        """Yield whenever a scrape of the category, or what it has fetched, changes."""
        pipeline = [{"$match": {"ns.coll": {"$in": ["scrapes", "tallies"]}}}]
        prefix = f"{slug}:"
        async with await self.collection.database.watch(pipeline, max_await_time_ms=1_000) as stream:
            async for change in stream:
                if str(change["documentKey"]["_id"]).startswith(prefix):
                    yield
