"""What every operation needs: the store, the bytes, the clock, the settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from api.blobs import Blobs, open_blobs
from api.settings import Settings
from api.store import Connection, Store
from api.store.migrations import migrate, stored_secret

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, in the millisecond steps that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)


@dataclass(frozen=True)
class Winnow:
    """One process's open connections. Made once by :func:`open_winnow`, handed to every operation."""

    store: Store
    blobs: Blobs
    settings: Settings
    secret: str
    clock: Clock


@asynccontextmanager
async def open_winnow(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Winnow]:
    """Connect, migrate, and close at the end; raises :class:`StoreUnavailable` when MongoDB does not answer."""
    connection = Connection(settings.mongodb_uri, settings.database)
    try:
        await connection.ping()
        await migrate(connection)
        store = Store(connection)
        secret = settings.secret or await stored_secret(connection)
        yield Winnow(store, open_blobs(settings, store), settings, secret, clock)
    finally:
        await connection.close()
