"""Migrations run once, in any number of processes at the same moment."""

import asyncio

from api.operations.context import Winnow
from api.store.migrations import INDEXES, MIGRATIONS, VALIDATORS, migrate, stored_secret


async def test_migrating_again_and_at_the_same_time_changes_nothing(w: Winnow) -> None:
    secret = await stored_secret(w.store.connection)
    numbers = await asyncio.gather(*(migrate(w.store.connection) for _ in range(4)))
    assert set(numbers) == {MIGRATIONS[-1][0]}
    assert await stored_secret(w.store.connection) == secret


async def test_every_collection_has_its_validator_and_indexes(w: Winnow) -> None:
    database = w.store.connection.database
    found = {c["name"]: c async for c in await database.list_collections()}
    for name in VALIDATORS:
        assert "validator" in found[name]["options"], name
    for name, wanted in INDEXES.items():
        assert len(await database[name].index_information()) == len(wanted) + 1, name
