"""Finds: one document an image that a source has found for a category. Leased in batches, decided once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import uuid4

from pymongo import ASCENDING, UpdateOne

from api.store.connection import Collection, Database, Document, Session


class FindState(StrEnum):
    """A find waits for its turn, is in somebody's hands, or has an outcome."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"


OPEN = [FindState.WAITING.value, FindState.LEASED.value]


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of one find: countable word, detail in words, the image it became, and the server's validators."""

    find: str
    outcome: str
    detail: str = ""
    image: str | None = None
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """A find that is tried again ``seconds`` from now. ``tried`` counts it as an attempt."""

    find: str
    seconds: float
    outcome: str
    detail: str = ""
    tried: bool = True


def find_id(slug: str, url: str) -> str:
    """What a find is called: a URL enters a category once, however often it is found."""
    return sha256(f"{slug}\0{url}".encode()).hexdigest()[:32]


class Finds:
    """The queue of images to fetch, and afterwards the record of what became of each."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["finds"]

    async def insert(self, finds: Sequence[Document], session: Session) -> None:
        """Store finds that are new. One that exists ends the transaction: ask :meth:`known` in it first."""
        if finds:
            await self.collection.insert_many(finds, ordered=False, session=session)

    async def known(self, finds: Sequence[str], session: Session | None = None) -> set[str]:
        """Those that are stored."""
        found = self.collection.find({"_id": {"$in": list(finds)}}, {"_id": 1}, session=session)
        return {one["_id"] for one in await found.to_list()}

    async def lease(self, scrapes: Sequence[str], number: int, now: datetime, seconds: float) -> list[Document]:
        """Take up to ``number`` finds that are due, or whose lease has run out. Nobody else gets the same ones.

        Each document carries the token of this lease as ``owner``.
        """
        found: list[Document] = []
        for state in OPEN:  # each alone walks an index in order; both together do not
            if len(found) < number:
                due = {"scrape": {"$in": list(scrapes)}, "state": state, "due_at": {"$lte": now}}
                due_first = self.collection.find(due).sort("due_at", ASCENDING).limit(number - len(found))
                found += await due_first.to_list()
        if not found:
            return []
        ids, owner = [document["_id"] for document in found], uuid4().hex
        taken = await self.collection.update_many(
            {"_id": {"$in": ids}, "state": {"$in": OPEN}, "due_at": {"$lte": now}},
            {
                "$set": {"state": FindState.LEASED.value, "owner": owner, "due_at": now + timedelta(seconds=seconds)},
                "$inc": {"leases": 1},
            },
        )
        if taken.modified_count < len(found):  # somebody else was looking too
            return await self.collection.find({"_id": {"$in": ids}, "owner": owner}).to_list()
        return [{**document, "owner": owner, "leases": document["leases"] + 1} for document in found]

    async def prolong(self, owned: Mapping[str, str], now: datetime, seconds: float) -> None:
        """Keep what is in hand (find -> owner)."""
        if owned:
            await self.collection.update_many(
                {
                    "_id": {"$in": list(owned)},
                    "owner": {"$in": sorted(set(owned.values()))},
                    "state": FindState.LEASED.value,
                },
                {"$set": {"due_at": now + timedelta(seconds=seconds)}},
            )

    async def held(self, owned: Mapping[str, str], session: Session) -> set[str]:
        """Those of ``owned`` (find -> owner) that this owner still holds; somebody else has the others by now."""
        leased = {"_id": {"$in": list(owned)}, "state": FindState.LEASED.value}
        found = await self.collection.find(leased, {"owner": 1}, session=session).to_list()
        return {one["_id"] for one in found if one["owner"] == owned[one["_id"]]}

    async def end(self, ended: Sequence[Ended], now: datetime, session: Session) -> None:
        """Write outcomes. The same transaction has asked which are still held."""
        if ended:
            await self.collection.bulk_write([_outcome(one, now) for one in ended], ordered=False, session=session)

    async def later(self, later: Sequence[Later], owned: Mapping[str, str], now: datetime) -> None:
        """Give finds back, to be tried again."""
        if later:
            await self.collection.bulk_write([_again(one, owned[one.find], now) for one in later], ordered=False)

    async def give_back(self, owned: Mapping[str, str], now: datetime) -> None:
        """Give finds back that nobody has asked for: they are due at once."""
        if owned:
            fields = {"state": FindState.WAITING.value, "owner": None, "due_at": now}
            await self.collection.update_many(
                {"_id": {"$in": list(owned)}, "owner": {"$in": sorted(set(owned.values()))}},
                {"$set": fields, "$inc": {"leases": -1}},
            )

    async def next_due(self, scrape: str) -> Document | None:
        """The undecided find of a scrape that is due next, or whose lease ends; ``None`` when all are decided.

        Its ``outcome`` and ``detail`` say why it waits, where it was tried before.
        """
        for state in (FindState.WAITING, FindState.LEASED):
            open_find = {"scrape": scrape, "state": state.value}
            document = await self.collection.find_one(open_find, sort=[("due_at", ASCENDING)])
            if document is not None:
                return document
        return None

    async def visit_again(
        self, scrape: str, outcomes: Sequence[str], now: datetime, session: Session
    ) -> dict[str, int]:
        """Make decided finds with these outcomes wait again; returns how many by outcome."""
        counts: dict[str, int] = {}
        for outcome in outcomes:
            result = await self.collection.update_many(
                {"scrape": scrape, "state": FindState.DONE.value, "outcome": outcome},
                {"$set": {"state": FindState.WAITING.value, "due_at": now, "tries": 0, "leases": 0}},
                session=session,
            )
            if result.modified_count:
                counts[outcome] = result.modified_count
        return counts

    async def of_scrape(self, scrape: str, outcome: str | None = None) -> AsyncIterator[Document]:
        """Every find of a scrape, or those with an outcome, in no order: to export."""
        only = {"scrape": scrape, **({} if outcome is None else {"outcome": outcome})}
        async for document in self.collection.find(only):
            yield document

    async def latest(self, scrape: str, outcome: str, number: int) -> list[Document]:
        """Some finds that ended so: examples for a page."""
        return await self.collection.find({"scrape": scrape, "outcome": outcome}).limit(number).to_list()


def _outcome(one: Ended, now: datetime) -> UpdateOne:
    fields = {
        "state": FindState.DONE.value,
        "outcome": one.outcome,
        "detail": one.detail,
        "image": one.image,
        "etag": one.etag,
        "modified": one.modified,
        "owner": None,
        "ended_at": now,
    }
    return UpdateOne({"_id": one.find}, {"$set": fields})


def _again(one: Later, owner: str, now: datetime) -> UpdateOne:
    fields = {
        "state": FindState.WAITING.value,
        "owner": None,
        "due_at": now + timedelta(seconds=one.seconds),
        "outcome": one.outcome,
        "detail": one.detail,
    }
    counts = {"tries": int(one.tried), "leases": -1}
    return UpdateOne(
        {"_id": one.find, "owner": owner, "state": FindState.LEASED.value}, {"$set": fields, "$inc": counts}
    )
