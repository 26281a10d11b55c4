"""Migrations run once, in any number of processes at the same moment."""

import asyncio
from datetime import timedelta
from typing import Any

from api.operations import intake, recounting
from api.operations.context import Winnow
from api.store import Connection, Session
from api.store.migrations import INDEXES, MIGRATIONS, VALIDATORS, migrate, stored_secret
from tests import factories


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


OLD_TASK: dict[str, Any] = {
    "_id": "bright-r1-w1-t1",
    **{
        "category": "bright",
        "round": 1,
        "wave": 1,
        "number": 1,
        "state": "posted",
        "assignments": 2,
        "name": "t",
        "reward_cents": 60,
    },
    "slots": [{"image": "a", "gold": None}, {"image": "g", "gold": True}, {"image": "h", "gold": False}],
}


async def old_database(w: Winnow) -> None:
    """What version 0.1 left behind, as far as the third migration cares."""
    database = w.store.connection.database
    await intake.create_category(w, factories.category())
    await database["categories"].update_one(
        {"_id": "bright"},
        {
            "$set": {"category.examples_yes": ["y"], "category.examples_no": ["n", "m"]},
            "$unset": {"category.examples": "", "category.lessons": "", "named": "", "bonuses": ""},
        },
    )
    await database["tasks"].insert_one(dict(OLD_TASK))

    async def candidates(session: Session) -> None:
        await w.store.candidates.insert("bright", dict.fromkeys("aghy", 0.5), w.clock(), session)

    await w.store.transact(candidates)
    await database["candidates"].update_many({}, {"$unset": {"shown": ""}, "$set": {"gold_uses": 1}})
    await database["assignments"].drop_indexes()
    await database["candidates"].create_index([("category", 1), ("gold", 1), ("gold_uses", 1)])
    for number, who in enumerate(("ANNA", "BEN", "ANNA")):
        await database["assignments"].insert_one(
            {
                "_id": f"ASG{number}:{who}",
                **{"category": "bright", "task": OLD_TASK["_id"], "annotator": who, "state": "working"},
                **{"images": ["h", "a", "g"], "answers": {}, "opened_at": w.clock() + timedelta(minutes=number)},
            }
        )
    answers = [{"position": n, "value": True, "image": image} for n, image in enumerate("hag")]
    await database["submissions"].insert_one(
        {
            "_id": "ASG9:CARO",
            **{"category": "bright", "task": OLD_TASK["_id"], "annotator": "CARO", "market_assignment": "ASG9"},
            **{"answers": answers, "viewport": [0, 0], "submitted_at": w.clock()},
        }
    )
    await database["migrations"].delete_one({"_id": 3})


async def test_the_third_migration_converts_what_is_there_also_when_two_processes_start(w: Winnow) -> None:
    await old_database(w)
    await asyncio.gather(*(migrate(w.store.connection) for _ in range(2)))
    category = await w.store.categories.definition("bright")
    assert [(e.image, e.answer) for e in category.examples] == [("y", True), ("n", False), ("m", False)]
    assert (category.lessons, category.visible) == ((), {"y", "n", "m"})
    assert (await w.store.categories.get("bright"))["bonuses"] == {"paid": 0, "refused": 0}
    assert await w.store.candidates.shown("bright", "aghy") == {"a": 2, "g": 2, "h": 2, "y": 0}
    earlier = await w.store.assignments.earlier("bright", "ANNA")
    assert [(d["_id"], d["number"], d["gold"], d["lessons"]) for d in earlier] == [
        ("ASG0:ANNA", 0, [False, None, True], 0),
        ("ASG2:ANNA", 1, [False, None, True], 0),
    ]
    submission = await w.store.submissions.get("ASG9:CARO")
    assert submission is not None
    assert [answer.gold for answer in submission.answers] == [False, None, True]
    assert submission.lessons == ()
    names = await w.store.candidates.collection.index_information()
    assert not any("gold_uses" in name for name in names)
    assert len(await w.store.assignments.collection.index_information()) == len(INDEXES["assignments"]) + 1
    assert await recounting.showings(w, "bright") == {}


async def test_ten_processes_that_start_at_once_on_an_empty_database_all_come_up(
    mongod_uri: str, database_name: str
) -> None:
    connections = [Connection(mongod_uri, database_name) for _ in range(10)]
    try:
        numbers = await asyncio.gather(*(migrate(connection) for connection in connections))
        assert set(numbers) == {MIGRATIONS[-1][0]}
    finally:
        await connections[0].client.drop_database(database_name)
        await asyncio.gather(*(connection.close() for connection in connections))
