"""What the store's benchmark compares: Winnow's bytes, plain PyMongo, LMDB and files, behind the same four acts."""

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from bson import Binary
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from api.store import Connection
from api.store.bytes import StoredBytes

LMDB: Any = importlib.import_module("lmdb") if importlib.util.find_spec("lmdb") else None
"""Never a dependency: for the comparison, where it is installed."""

MAP_BYTES = 1 << 36


class System(Protocol):
    """One way to keep images; ``name`` is a set of them."""

    async def open(self, place: str, name: str) -> None:
        """Connect."""

    async def write(self, images: Mapping[str, bytes]) -> None:
        """Store some, durably."""

    async def one(self, key: str) -> bytes:
        """Read one."""

    async def many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read the images of a task."""


class Winnow:
    """The store of this project."""

    async def open(self, place: str, name: str) -> None:
        """Connect as every process does."""
        self._bytes = StoredBytes(Connection(place, "bench").database, name)

    async def write(self, images: Mapping[str, bytes]) -> None:
        """Store some."""
        await self._bytes.put(images)

    async def one(self, key: str) -> bytes:
        """Read one, together with whoever else reads now."""
        return await self._bytes.get(key) or b""

    async def many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read the images of a task."""
        return await self._bytes.many(keys)


class PyMongo:
    """The driver without anything around it: the same documents, the same write concern."""

    async def open(self, place: str, name: str) -> None:
        """Connect."""
        client = AsyncMongoClient[dict[str, Any]](place)
        self._collection = client.get_database("bench", write_concern=WriteConcern("majority"))[name]

    async def write(self, images: Mapping[str, bytes]) -> None:
        """Insert them."""
        await self._collection.insert_many(
            [{"_id": key, "data": Binary(data)} for key, data in images.items()], ordered=False
        )

    async def one(self, key: str) -> bytes:
        """Find one."""
        found = await self._collection.find_one({"_id": key})
        return found["data"] if found else b""

    async def many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Find all in one query."""
        found = await self._collection.find({"_id": {"$in": list(keys)}}).to_list()
        return {document["_id"]: document["data"] for document in found}


class Lmdb:
    """A memory-mapped file; every transaction reaches the disk before it is over. No other machine can read it."""

    async def open(self, place: str, name: str) -> None:
        """Map it."""
        self._environment = LMDB.open(str(Path(place) / f"{name}.lmdb"), map_size=MAP_BYTES, readahead=False)

    async def write(self, images: Mapping[str, bytes]) -> None:
        """One transaction."""
        with self._environment.begin(write=True) as transaction:
            for key, data in images.items():
                transaction.put(key.encode(), data)

    async def one(self, key: str) -> bytes:
        """Copy it out."""
        with self._environment.begin() as transaction:
            return bytes(transaction.get(key.encode()))

    async def many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """One transaction."""
        with self._environment.begin() as transaction:
            return {key: bytes(transaction.get(key.encode())) for key in keys}


class Files:
    """A file an image in 256 folders, each flushed to the disk."""

    async def open(self, place: str, name: str) -> None:
        """Make the folders."""
        self._folder = Path(place) / name
        await asyncio.to_thread(self._make)

    def _make(self) -> None:
        for number in range(256):
            (self._folder / f"{number:02x}").mkdir(parents=True, exist_ok=True)

    async def write(self, images: Mapping[str, bytes]) -> None:
        """Write all, then flush each: the file system joins their journal entries."""
        written = []
        for key, data in images.items():
            written.append(os.open(self._folder / key[:2] / key, os.O_WRONLY | os.O_CREAT, 0o644))
            os.write(written[-1], data)
        for descriptor in written:
            os.fsync(descriptor)
            os.close(descriptor)

    async def one(self, key: str) -> bytes:
        """Read a file."""
        descriptor = os.open(self._folder / key[:2] / key, os.O_RDONLY)
        try:
            return os.read(descriptor, 1 << 20)
        finally:
            os.close(descriptor)

    async def many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read one after another."""
        return {key: await self.one(key) for key in keys}


SYSTEMS: Mapping[str, type[System]] = {"winnow": Winnow, "pymongo": PyMongo, "lmdb": Lmdb, "files": Files}
