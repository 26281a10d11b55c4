"""The way to MongoDB: one client a process, one database, transactions that retry."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from active_learning.domain.errors import InputError, StoreUnavailable

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]
Session = AsyncClientSession

UNREACHABLE: tuple[type[Exception], ...] = (ConnectionFailure, WTimeoutError)
"""What the driver raises when the server is gone, for the layers that turn it into an answer."""

CHUNK = 1_000
"""Documents in one transaction: MongoDB wants transactions short."""

DUPLICATE_KEY = 11_000

T = TypeVar("T")


async def insert_new(collection: Collection, documents: Sequence[Document]) -> None:
    """Insert those whose ids are new; what is there already stays as it is."""
    if documents:
        try:
            await collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise


async def insert_all(collection: Collection, documents: Sequence[Document], session: Session) -> None:
    """Insert in a transaction; raises ``DuplicateKeyError``, which ends it, when one of the ids exists."""
    if documents:
        try:
            await collection.insert_many(documents, ordered=False, session=session)
        except BulkWriteError as error:
            if only_duplicates(error):
                raise DuplicateKeyError("a document is stored already", DUPLICATE_KEY) from error
            raise


def only_duplicates(error: BulkWriteError) -> bool:
    """Whether ids that exist were all that was wrong with a bulk write."""
    details = error.details
    return {one["code"] for one in details["writeErrors"]} == {DUPLICATE_KEY} and not details["writeConcernErrors"]


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split what is too much for one transaction."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


class Connection:
    """A client and its database. Majority writes: an acknowledged write survives the loss of the primary."""

    def __init__(self, uri: str, database: str, *, timeout_ms: int = 15_000) -> None:
        """Raises :class:`InputError` for a malformed URI; does not connect yet."""
        try:
            self.client: AsyncMongoClient[Document] = AsyncMongoClient(
                uri, serverSelectionTimeoutMS=timeout_ms, tz_aware=True, appname="winnow"
            )
        except (InvalidURI, ConfigurationError) as error:
            raise InputError(
                f"The MongoDB address is not valid: {error}.", "It looks like mongodb://host:27017/?replicaSet=winnow."
            ) from error
        self.database: Database = self.client.get_database(database, write_concern=WriteConcern("majority"))

    async def ping(self) -> None:
        """Raise :class:`StoreUnavailable` unless a replica set with a primary answers."""
        try:
            hello = await self.client.admin.command("hello")
        except OperationFailure as error:
            raise InputError(
                f"MongoDB does not let Winnow in ({error.details and error.details.get('errmsg')}).",
                "Check the user and the password in WINNOW_MONGODB_URI, and authSource.",
            ) from error
        except UNREACHABLE as error:
            raise StoreUnavailable(
                "MongoDB does not answer.", "Start it, or check WINNOW_MONGODB_URI; `./winnow doctor` says more."
            ) from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise StoreUnavailable(
                "This MongoDB is not a replica set, and Winnow needs transactions and change streams.",
                "Start it with --replSet and run rs.initiate() once.",
            )

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction; it may run more than once, so it must only touch the database."""
        async with self.client.start_session() as session:
            return await session.with_transaction(
                work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
            )

    async def close(self) -> None:
        """Close the client."""
        await self.client.close()
