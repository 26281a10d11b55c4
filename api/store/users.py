"""Users, who is signed in, and API tokens. Secrets are stored as hashes only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from api.store.connection import Collection, Database, Document


class Users:
    """One document a user; its id is the name in small letters, which is how people sign in."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["users"]

    async def insert(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Add a user; say whether the name was free."""
        try:
            await self.collection.insert_one({"_id": name, **fields})
        except DuplicateKeyError:
            return False
        return True

    async def get(self, name: str) -> Document | None:
        """One user."""
        return await self.collection.find_one({"_id": name})

    async def by_subject(self, issuer: str, subject: str) -> Document | None:
        """The user whom an OpenID provider knows so."""
        return await self.collection.find_one({"subject.issuer": issuer, "subject.id": subject})

    async def all(self) -> list[Document]:
        """Every user, by name."""
        return await self.collection.find().sort("_id").to_list()

    async def any(self) -> bool:
        """Whether there is a user at all."""
        return await self.collection.find_one({}, {"_id": 1}) is not None

    async def put(self, name: str, fields: Mapping[str, Any]) -> Document | None:
        """Set plain fields; returns the user as it is now, ``None`` where there is none."""
        return await self.collection.find_one_and_update(
            {"_id": name}, {"$set": dict(fields)}, return_document=ReturnDocument.AFTER
        )

    async def other_admins(self, name: str) -> int:
        """Admins beside this one who can still sign in."""
        return await self.collection.count_documents({"_id": {"$ne": name}, "role": "admin", "disabled": False})


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

    async def remove(self, digest: str) -> bool:
        """Let this key in no more; say whether there was one."""
        return (await self.collection.delete_one({"_id": digest})).deleted_count == 1

    async def remove_named(self, user: str, name: str) -> bool:
        """Let a user's key of this name in no more; say whether there was one."""
        return (await self.collection.delete_one({"user": user, "name": name})).deleted_count == 1

    async def remove_all(self, user: str) -> int:
        """Let none of a user's keys in any more; returns how many there were."""
        return (await self.collection.delete_many({"user": user})).deleted_count
