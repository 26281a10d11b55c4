"""Users, who is signed in, and API tokens. Secrets are stored as hashes only."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from api.store.connection import Collection, Database, Document, Session


class Users:
    """One document a user; its id is the name in small letters, which is how people sign in."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["users"]
        self.meta: Collection = database["meta"]

    async def insert(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Add a user; say whether the name was free."""
        try:
            await self.collection.insert_one({"_id": name, **fields})
        except DuplicateKeyError:
            return False
        return True

    async def get(self, name: str, session: Session | None = None) -> Document | None:
        """One user."""
        return await self.collection.find_one({"_id": name}, session=session)

    async def by_subject(self, issuer: str, subject: str) -> Document | None:
        """The user whom an OpenID provider knows so."""
        return await self.collection.find_one({"subject.issuer": issuer, "subject.id": subject})

    async def all(self) -> list[Document]:
        """Every user, by name."""
        return await self.collection.find().sort("_id").to_list()

    async def any(self) -> bool:
        """Whether there is a user at all."""
        return await self.collection.find_one({}, {"_id": 1}) is not None

    async def put(self, name: str, fields: Mapping[str, Any], session: Session | None = None) -> Document | None:
        """Set plain fields; returns the user as it is now, ``None`` where there is none."""
        return await self.collection.find_one_and_update(
            {"_id": name}, {"$set": dict(fields)}, return_document=ReturnDocument.AFTER, session=session
        )

    async def other_admins(self, name: str, session: Session) -> int:
        """Admins beside this one who can still sign in.

        Of two transactions that ask at the same time one has to start anew: admins who demote each other at the same
        moment change different documents, and both would go through.
        """
        await self.meta.update_one({"_id": "admins"}, {"$inc": {"asked": 1}}, upsert=True, session=session)
        others = {"_id": {"$ne": name}, "role": "admin", "disabled": False}
        return await self.collection.count_documents(others, session=session)


class Keys:
    """Hashes of secrets that let somebody in: of cookies (``sign_ins``) or of API tokens (``tokens``)."""

    def __init__(self, database: Database, name: str) -> None:
        self.collection: Collection = database[name]

    async def insert(self, digest: str, fields: Mapping[str, Any]) -> None:
        """Keep a new key."""
        await self.collection.insert_one({"_id": digest, **fields})

    async def get(self, digest: str, now: datetime) -> Document | None:
        """A key that has not expired."""
        return await self.collection.find_one({"_id": digest, "expires_at": {"$gt": now}})

    async def of(self, user: str) -> list[Document]:
        """A user's keys, the newest first."""
        return await self.collection.find({"user": user}).sort("made_at", -1).to_list()

    async def put(self, digest: str, fields: Mapping[str, Any]) -> None:
        """Set plain fields."""
        await self.collection.update_one({"_id": digest}, {"$set": dict(fields)})

    async def named(self, user: str, name: str) -> Document | None:
        """A user's key of this name."""
        return await self.collection.find_one({"user": user, "name": name})

    async def numbers(self, now: datetime) -> dict[str, int]:
        """How many keys of each user let him in now."""
        stages: list[Document] = [
            {"$match": {"expires_at": {"$gt": now}}},
            {"$group": {"_id": "$user", "number": {"$sum": 1}}},
        ]
        return {row["_id"]: row["number"] async for row in await self.collection.aggregate(stages)}

    async def remove(self, digest: str) -> bool:
        """Let this key in no more; say whether there was one."""
        return (await self.collection.delete_one({"_id": digest})).deleted_count == 1

    async def remove_named(self, user: str, name: str) -> bool:
        """Let a user's key of this name in no more; say whether there was one."""
        return (await self.collection.delete_one({"user": user, "name": name})).deleted_count == 1

    async def remove_all(self, user: str, but: str = "") -> int:
        """Let none of a user's keys in any more, except the one with the hash ``but``; returns how many there were."""
        return (await self.collection.delete_many({"user": user, "_id": {"$ne": but}})).deleted_count


class Tries:
    """Tries to sign in, by what they have in common: a name, an address. MongoDB removes them when they expire."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["tries"]

    async def begin(self, key: str, now: datetime, free: int, longest: timedelta, kept: timedelta) -> bool:
        """Count a try that begins; say whether it may go on.

        After ``free`` tries the next has to wait 2, 4, 8, ... seconds, at most ``longest``. A try is counted before it
        is known to be wrong, in one step: of many at the same moment no more get through than one after the other.
        After ``kept`` without a try all are forgotten.
        """
        known = {"$gt": ["$expires_at", now]}
        wait_s = {"$min": [{"$pow": [2, {"$min": [{"$subtract": ["$failures", free]}, 30]}]}, longest.total_seconds()]}
        later = {"$add": [now, {"$multiply": [1_000, wait_s]}]}
        count = {"$add": [{"$cond": [known, {"$ifNull": ["$failures", 0]}, 0]}, 1]}
        steps: list[Document] = [
            {"$set": {"failures": count, "expires_at": now + kept}},
            {"$set": {"not_before": {"$cond": [{"$gt": ["$failures", free]}, later, now]}}},
        ]
        try:
            await self.collection.update_one({"_id": key, "not_before": {"$lte": now}}, steps, upsert=True)
        except DuplicateKeyError:  # it is there, and has to wait
            return False
        return True

    async def waits_until(self, key: str) -> datetime | None:
        """When the next try may begin."""
        found = await self.collection.find_one({"_id": key})
        return found["not_before"] if found else None

    async def forget(self, key: str) -> None:
        """The try was right: those before are forgotten."""
        await self.collection.delete_one({"_id": key})

    async def give_back(self, key: str) -> None:
        """The try was right: it does not count."""
        await self.collection.update_one({"_id": key}, {"$inc": {"failures": -1}})
