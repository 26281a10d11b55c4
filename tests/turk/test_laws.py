"""A hundred thousand random steps of a requester and his workers: no illegal transition, and money is conserved."""

import asyncio
import os
import random
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
import uvloop

from tests.turk.law_runs import many, on_mongodb, shortest, what_breaks
from tests.turk.law_worlds import WEIGHTS, Broken, World, steps
from tests.turk.memory import MemoryDatabase
from workers.turk import identifiers, lifecycle
from workers.turk.database import COLLECTIONS, Database, Document

SEED = 7
WORLDS, LENGTH = 480, 250
REAL = WORLDS if os.environ.get("WINNOW_LONG") else 60
TWICE, TWICE_LENGTH = 5, 110

REFUSALS = {
    *(("accept", "no"), ("submit", "no"), ("give_back", "no"), ("create", "HitAlreadyExists")),
    *((word, "InsufficientFunds") for word in ("create", "override", "bonus", "add_places", "set_end", "retype")),
    *((word, "InvalidAssignmentState") for word in ("approve", "override", "reject", "bonus")),
    *((word, "AssignmentDoesNotExist") for word in ("approve", "override", "reject", "bonus")),
    *((word, "InvalidHITState") for word in ("delete", "review", "add_places", "set_end", "expire", "retype")),
    *(("add_places", "InvalidMaximumAssignmentsIncrease"), ("add_places", "DuplicateRequest")),
    *(("bonus", "DuplicateRequest"), ("set_end", "InvalidParameterValue")),
}


async def test_a_hundred_thousand_steps_break_no_law() -> None:
    """In memory, where every single write is seen, also those within a move."""
    done, outcomes = await many(range(SEED, SEED + WORLDS), LENGTH)
    assert done >= 100_000
    # Every move happened, and every reason to refuse one.
    assert {(word, "done") for word in WEIGHTS} | REFUSALS <= set(outcomes)


def test_nor_do_those_on_mongodb(mongod_uri: str) -> None:
    """Ten thousand steps, with WINNOW_LONG=1 all of them."""

    async def play() -> tuple[int, Counter[tuple[str, str]]]:
        database = Database(mongod_uri, f"laws_{os.getpid()}")
        await database.prepare()
        try:
            return await on_mongodb(database, range(SEED, SEED + REAL), LENGTH)
        finally:
            await database.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done, outcomes = runner.run(play())
    assert done >= 10_000 * (REAL // 60)
    assert {(word, "done") for word in WEIGHTS} <= set(outcomes)


def _named(document: Document) -> Document:
    """A release has an id of its own; which of several that come due at once is the first, no law says."""
    holds = document["_id"].startswith(("hold:", "release:"))
    return {**document, "_id": document["_id"].rpartition(":")[0]} if holds else document


async def test_what_is_left_in_memory_is_what_mongodb_is_left_with(
    mongod_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, database = MemoryDatabase(), Database(mongod_uri, f"laws_twice_{os.getpid()}")
    await database.prepare()
    try:
        for home in (memory, database):
            same = SimpleNamespace(token_bytes=random.Random(SEED).randbytes)
            monkeypatch.setattr(identifiers, "secrets", same)
            for number in range(TWICE):
                await World(home, f"R{number}").play(steps(SEED + number, TWICE_LENGTH))
        for name in COLLECTIONS:
            kept = [_named(document) for document in getattr(memory, name).documents.values()]
            found = [_named(document) async for document in getattr(database, name).find({})]
            assert sorted(kept, key=repr) == sorted(found, key=repr), name
        assert len(memory.assignments.documents) > 50  # type: ignore[attr-defined]
    finally:
        await database.close()


async def test_a_broken_law_is_found_and_its_steps_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "OVERRIDE_WINDOW", timedelta(days=300))
    scripts = [script for seed in range(60) if await what_breaks(script := steps(seed, LENGTH))]
    script = scripts[0]
    few = await shortest(script)
    assert len(few) <= 8 and [step.word for step in few][-1] == "override"
    assert "The marketplace says done" in await what_breaks(few)


async def test_a_move_that_the_tables_lack_is_seen_within_a_single_write(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back = lifecycle.give_back

    async def rejected(database, assignment_id, to, now):  # type: ignore[no-untyped-def]
        await database.assignments.update_one({"_id": assignment_id}, {"$set": {"state": "Rejected"}})
        return await give_back(database, assignment_id, to, now)

    monkeypatch.setattr(lifecycle, "give_back", rejected)
    with pytest.raises(Broken, match=r"from (InProgress|Approved|Abandoned|Returned) to Rejected"):
        await many(range(20), LENGTH)


async def test_what_the_memory_does_not_know_it_refuses() -> None:
    database = MemoryDatabase()
    hits = database.hits  # type: ignore[attr-defined]
    for query in ({"a": {"$regex": "x"}}, {"$nor": []}, {"a.b": 1}):
        with pytest.raises(NotImplementedError):
            await hits.find_one(query)
