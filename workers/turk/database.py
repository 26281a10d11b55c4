"""The only home of pymongo in the marketplace: collections, indexes, validators, transactions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pymongo import ASCENDING, AsyncMongoClient, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import CollectionInvalid, PyMongoError

from workers.turk.errors import SettingsError
from workers.turk.states import Assignment, Hit

Result = TypeVar("Result")
Document = dict[str, Any]
Session = AsyncClientSession

COLLECTIONS = (
    *("hit_types", "hits", "assignments", "bonuses", "tokens", "workers", "accounts", "ledger"),
    *("blocks", "messages", "access_keys", "reviews"),
    *("attempts", "invitations", "appeals", "notification_settings", "outbox"),
    *("qualification_types", "qualifications", "qualification_requests"),
    "requesters",
)
TOKEN_RECORD_SECONDS = 2 * 24 * 3600

VALIDATORS: Mapping[str, Document] = {
    # The database itself refuses a HIT whose slots do not add up, and an account that makes or loses money.
    "hits": {
        "available": {"$gte": 0},
        "pending": {"$gte": 0},
        "submitted": {"$gte": 0},
        "completed": {"$gte": 0},
        "$expr": {"$eq": ["$max_assignments", {"$add": ["$available", "$pending", "$submitted", "$completed"]}]},
    },
    "accounts": {
        "available": {"$gte": 0},
        "on_hold": {"$gte": 0},
        "$expr": {"$eq": ["$deposited", {"$add": ["$available", "$on_hold", "$paid", "$fees"]}]},
    },
}


class Database:
    """The marketplace's collections. Made in the event loop that uses it; ``prepare`` before the first use."""

    def __init__(self, uri: str, name: str) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            uri, tz_aware=True, serverSelectionTimeoutMS=5000, appname="winnow-turk"
        )
        # Majority and journalled: what was acknowledged survives kill -9 of the marketplace and of mongod.
        database = self._client.get_database(name, write_concern=WriteConcern("majority", j=True))
        self._database = database
        self.hit_types: AsyncCollection[Document] = database["hit_types"]
        self.hits: AsyncCollection[Hit] = database["hits"]  # type: ignore[assignment]
        self.assignments: AsyncCollection[Assignment] = database["assignments"]  # type: ignore[assignment]
        self.bonuses: AsyncCollection[Document] = database["bonuses"]
        self.tokens: AsyncCollection[Document] = database["tokens"]
        self.workers: AsyncCollection[Document] = database["workers"]
        self.accounts: AsyncCollection[Document] = database["accounts"]
        self.ledger: AsyncCollection[Document] = database["ledger"]
        self.blocks: AsyncCollection[Document] = database["blocks"]
        self.messages: AsyncCollection[Document] = database["messages"]
        self.access_keys: AsyncCollection[Document] = database["access_keys"]
        self.reviews: AsyncCollection[Document] = database["reviews"]
        self.attempts: AsyncCollection[Document] = database["attempts"]
        self.invitations: AsyncCollection[Document] = database["invitations"]
        self.appeals: AsyncCollection[Document] = database["appeals"]
        self.notification_settings: AsyncCollection[Document] = database["notification_settings"]
        self.outbox: AsyncCollection[Document] = database["outbox"]
        self.qualification_types: AsyncCollection[Document] = database["qualification_types"]
        self.qualifications: AsyncCollection[Document] = database["qualifications"]
        self.qualification_requests: AsyncCollection[Document] = database["qualification_requests"]
        self.requesters: AsyncCollection[Document] = database["requesters"]

    async def prepare(self) -> None:
        """Creates what is missing; safe to repeat. Raises SettingsError when MongoDB cannot be used."""
        try:
            hello = await self._client.admin.command("hello")
        except PyMongoError as error:
            raise SettingsError(f"MongoDB does not answer at the address in mongodb_uri: {error}") from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise SettingsError(
                "MongoDB runs without a replica set, so without transactions. Start mongod with --replSet."
            )
        options = {known["name"]: known["options"] async for known in await self._database.list_collections()}
        for name in COLLECTIONS:
            validator = VALIDATORS.get(name, {})
            if name not in options:
                await self._create(name, validator)
            elif options[name].get("validator", {}) != validator:
                # Only when it differs: collMod waits for open transactions, even those of a process that was killed.
                await self._database.command("collMod", name, validator=validator)
        await self._index()
        await self._index_qualifications()
        await self._upgrade()

    async def _create(self, name: str, validator: Document) -> None:
        try:
            await self._database.create_collection(name, validator=validator)
        except CollectionInvalid:
            return  # Another process of the same marketplace was faster.

    async def _index(self) -> None:
        hits, assignments = self.hits, self.assignments
        await hits.create_index([("requester", ASCENDING), ("disposed", ASCENDING), ("order", ASCENDING)])
        await hits.create_index([("disposed", ASCENDING), ("expired", ASCENDING), ("order", ASCENDING)])
        await hits.create_index([("due_at", ASCENDING)])
        await assignments.create_index(
            [("hit", ASCENDING), ("worker", ASCENDING)], unique=True, partialFilterExpression={"live": True}
        )
        await assignments.create_index([("hit", ASCENDING), ("order", ASCENDING)])
        await assignments.create_index([("worker", ASCENDING), ("accepted_at", ASCENDING)])
        await assignments.create_index([("due_at", ASCENDING)])
        await self.bonuses.create_index([("hit", ASCENDING), ("order", ASCENDING)])
        await self.bonuses.create_index([("assignment", ASCENDING), ("order", ASCENDING)])
        await self.bonuses.create_index([("worker", ASCENDING)])
        # What a requester's pages sum up: by worker, and by the time of payment.
        await assignments.create_index([("requester", ASCENDING), ("worker", ASCENDING)])
        await assignments.create_index([("requester", ASCENDING), ("approved_at", ASCENDING)])
        await self.bonuses.create_index([("requester", ASCENDING), ("granted_at", ASCENDING)])
        await self.tokens.create_index([("at", ASCENDING)], expireAfterSeconds=TOKEN_RECORD_SECONDS)
        await self.ledger.create_index([("requester", ASCENDING), ("at", ASCENDING)])
        await self.blocks.create_index([("requester", ASCENDING), ("order", ASCENDING)])
        await self.blocks.create_index([("worker", ASCENDING)])
        await self.messages.create_index([("worker", ASCENDING), ("order", ASCENDING)])
        await self.messages.create_index([("requester", ASCENDING), ("order", ASCENDING)])
        await self.messages.create_index([("thread", ASCENDING), ("order", ASCENDING)])
        await self.access_keys.create_index([("requester", ASCENDING), ("created_at", ASCENDING)])
        await self.reviews.create_index([("hit", ASCENDING), ("order", ASCENDING)])
        await self.attempts.create_index([("at", ASCENDING)], expireAfterSeconds=TOKEN_RECORD_SECONDS)
        await self.invitations.create_index([("requester", ASCENDING), ("order", ASCENDING)])
        await self.appeals.create_index([("requester", ASCENDING), ("order", ASCENDING)])
        await self.outbox.create_index([("due_at", ASCENDING)])
        await self.outbox.create_index([("destination", ASCENDING), ("due_at", ASCENDING)])

    async def _index_qualifications(self) -> None:
        named: Document = {"unique": True, "partialFilterExpression": {"holds_name": True}}
        await self.qualification_types.create_index([("requester", ASCENDING), ("name", ASCENDING)], **named)
        await self.qualification_types.create_index([("deleted_at", ASCENDING), ("order", ASCENDING)])
        await self.qualifications.create_index([("type", ASCENDING), ("status", ASCENDING), ("order", ASCENDING)])
        await self.qualifications.create_index([("worker", ASCENDING)])
        waiting = [("requester", ASCENDING), ("state", ASCENDING), ("order", ASCENDING)]
        await self.qualification_requests.create_index(waiting)
        await self.qualification_requests.create_index([("type", ASCENDING), ("state", ASCENDING)])
        # Sparse: what has no requirements, as most, is not in them.
        await self.hits.create_index([("requirements.QualificationTypeId", ASCENDING)], sparse=True)
        await self.hit_types.create_index([("requirements.ActionsGuarded", ASCENDING)], sparse=True)
        await self.assignments.create_index([("worker", ASCENDING), ("state", ASCENDING)])

    async def _upgrade(self) -> None:
        """Brings what older versions have stored up to this one."""
        # Messages from before there were threads each become one.
        each_its_own = [{"$set": {"thread": "$_id", "sender": "requester"}}]
        await self.messages.update_many({"thread": None}, each_its_own)

    async def atomically(self, act: Callable[[Session], Awaitable[Result]]) -> Result:
        """Runs ``act`` in one transaction and commits it. ``act`` runs again after a write conflict, so it must not
        keep anything outside of the database. Any error it raises takes everything back."""
        async with self._client.start_session() as session:
            return await session.with_transaction(act)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()
