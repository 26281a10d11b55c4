"""Numbered migrations: indexes, validators and the secret. Each runs once; running all again changes nothing."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from active_learning.domain.access import UserRole
from active_learning.domain.candidate import Role, State
from active_learning.domain.round import CategoryState, Phase
from active_learning.domain.task import TaskState
from api.store import money_filling, visible_gold, worker_filling
from api.store.candidates import BUSY
from api.store.connection import Connection, Database
from api.store.finds import FindState
from api.store.task_sets import SetState
from api.store.workers import ORDERS

VALIDATORS: dict[str, dict[str, Any]] = {
    "categories": {
        "required": ["category", "state", "counts", "decided", "money", "looks"],
        "properties": {
            "state": {"enum": [s.value for s in CategoryState]},
            "counts": {
                "bsonType": "object",
                "required": [s.value for s in State],
                "properties": {s.value: {"bsonType": ["int", "long"], "minimum": 0} for s in State},
            },
            "looks": {"bsonType": ["int", "long"], "minimum": 0},
        },
    },
    "images": {
        "required": ["format", "width", "height", "bytes"],
        "properties": {"_id": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"}},
    },
    "candidates": {
        "required": ["category", "image", "state", "role", "draw"],
        "properties": {
            "state": {"enum": [s.value for s in State]},
            "role": {"enum": [r.value for r in Role]},
            "draw": {"bsonType": "double", "minimum": 0, "maximum": 1},
            "answer": {"bsonType": ["bool", "null"]},
        },
    },
    "tasks": {
        "required": ["category", "round", "wave", "number", "slots", "state"],
        "properties": {"state": {"enum": [s.value for s in TaskState]}},
    },
    "submissions": {"required": ["category", "task", "annotator", "answers", "submitted_at"]},
    "verdicts": {"required": ["category", "annotator", "pay", "use", "gold", "correct", "reason"]},
    "labels": {
        "required": ["category", "image", "value", "source", "provenance", "decided_at"],
        "properties": {"source": {"enum": ["human", "model", "gold", "imported"]}},
    },
    "task_sets": {
        "required": ["category", "number", "state", "name", "images", "tasks"],
        "properties": {"state": {"enum": [s.value for s in SetState]}},
    },
    "rounds": {
        "required": ["category", "number", "phase"],
        "properties": {"phase": {"enum": [p.value for p in Phase]}},
    },
    "models": {"required": ["category", "version", "checkpoint", "backbone", "head"]},
    "payments": {
        "required": ["category", "act", "cents"],
        "properties": {"act": {"enum": ["approve", "reject", "bonus"]}},
    },
    "jobs": {"required": ["kind", "args", "state", "due_at"]},
    "assignments": {"required": ["category", "task", "annotator", "state", "answers"]},
    "takedowns": {"required": ["because", "by", "why", "at", "done_at"]},
    "datasets": {"required": ["category", "number", "state", "revision", "recipe", "made_at"]},
    "policies": {"required": ["category", "version", "policy", "by", "at"]},
    "users": {
        "required": ["role", "disabled", "made_at"],
        "properties": {"role": {"enum": [role.value for role in UserRole]}},
    },
}

PLAIN = (
    *("blobs", "renditions", "checkpoints", "features", "backbones", "annotators", "scores"),
    *("scrapes", "tallies", "finds", "hosts", "hashes"),
    *("sign_ins", "tokens", "tries", "audit_log"),
    *("dataset_blocks", "dataset_files", "label_files"),
    "model_reports",
    *("hand_acts", "likenesses"),
    *("wages", "spending"),
    *("workers", "flags", "market_acts", "appeals"),
    *("processes", "markets", "hits", "happenings", "job_runs"),
    *("reconciliations", "agreed_hits"),
)
"""Collections without a schema of their own."""


NAMESPACE_EXISTS = 48

CLUSTERED = ("features",)
"""Collections that lie in the order of their ids, because key ranges of them are read whole."""

DENSE = ("blobs", "renditions")
"""Collections of pictures, which no compressor makes smaller: trying costs a fifth of a write."""


def _part(name: str, only: Mapping[str, Any], *fields: str) -> IndexModel:
    """An index of the candidates that match ``only``: the others cost it nothing."""
    keys = [(field, ASCENDING) for field in ("category", *fields)]
    return IndexModel(keys, name=name, partialFilterExpression=only)


INDEXES: dict[str, list[IndexModel]] = {
    "candidates": [
        # Lists come in the order of draws, so the sort keys close their index and no list is sorted in memory.
        # A model decides about nearly the whole pool at once: each further index on what it changes costs every round.
        IndexModel([("category", ASCENDING), ("draw", ASCENDING), ("image", ASCENDING)]),
        _part("unknown", {"state": State.UNKNOWN.value}, "role", "draw", "image"),
        _part("decided", {"answer": {"$gte": False}}, "answer", "source", "draw", "image"),
        _part("busy", BUSY, "_id"),
        _part("audited", {"audited": {"$exists": True}}, "_id"),
        _part("unembedded", {"embedded": False}, "_id"),
        # Ways through the pool by hand: they list what people are concerned with, and cost the rest nothing.
        _part("asked", {"state": {"$in": [State.SELECTED.value, State.POSTED.value]}}, "state", "draw", "image"),
        _part("asked_in", {"task": {"$gte": ""}}, "task", "image"),
        _part("golden", {"gold": {"$gte": False}}, "gold", "draw", "image"),
        _part("wanted", {"votes_wanted": True}, "_id"),
        _part("excluded", {"excluded.at": {"$exists": True}}, "image", "state", "role"),
        _part("contradicted", {"audited": {"$exists": True}}, "audited.value", "answer", "_id"),
        _part("disputed", {"disputed": True}, "_id"),
        _part("contested", {"certainty": {"$exists": True}}, "certainty", "_id"),
        IndexModel(
            [("category", ASCENDING), ("rechecked", DESCENDING), ("_id", ASCENDING)],
            name="rechecked",
            partialFilterExpression={"rechecked": {"$exists": True}},
        ),
        IndexModel([("category", ASCENDING), ("gold", ASCENDING), ("shown", ASCENDING)]),
    ],
    "scores": [IndexModel([("category", ASCENDING), ("model", ASCENDING)])],
    # A list of file names must find its images, however many there are.
    "images": [IndexModel([("name", ASCENDING)], name="named", partialFilterExpression={"name": {"$gt": ""}})],
    "task_sets": [
        IndexModel([("category", ASCENDING), ("number", DESCENDING)], unique=True),
        _part("drafts", {"state": SetState.DRAFT.value}, "number"),
    ],
    "likenesses": [IndexModel([("made_at", ASCENDING)], expireAfterSeconds=3_600)],
    "policies": [IndexModel([("category", ASCENDING), ("version", DESCENDING)], unique=True)],
    "tasks": [IndexModel([("category", ASCENDING), ("state", ASCENDING)]), IndexModel([("hit", ASCENDING)])],
    "submissions": [
        IndexModel([("category", ASCENDING), ("annotator", ASCENDING)]),
        IndexModel(
            [("category", ASCENDING), ("answers.image", ASCENDING), ("submitted_at", DESCENDING)], name="answered"
        ),
    ],
    "verdicts": [
        IndexModel([("category", ASCENDING), ("use", ASCENDING)]),
        IndexModel([("category", ASCENDING), ("annotator", ASCENDING)]),
    ],
    "labels": [IndexModel([("category", ASCENDING), ("image", ASCENDING), ("decided_at", ASCENDING)])],
    "rounds": [IndexModel([("category", ASCENDING), ("number", DESCENDING)], unique=True)],
    "models": [IndexModel([("category", ASCENDING), ("version", DESCENDING)], unique=True)],
    "model_reports": [IndexModel([("category", ASCENDING), ("round", DESCENDING)], unique=True)],
    "payments": [
        IndexModel([("category", ASCENDING), ("done_at", ASCENDING)]),
        IndexModel([("category", ASCENDING), ("annotator", ASCENDING), ("act", ASCENDING)]),
        IndexModel([("category", ASCENDING), ("hit", ASCENDING)]),
        IndexModel([("intended_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("category", ASCENDING), ("intended_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel(
            [("intended_at", ASCENDING), ("_id", ASCENDING)],
            name="waiting",
            partialFilterExpression={"waits": True},
        ),
    ],
    "agreed_hits": [IndexModel([("category", ASCENDING), ("at", ASCENDING)])],
    "wages": [
        IndexModel([("annotator", ASCENDING)]),
        IndexModel([("hourly", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("category", ASCENDING), ("hourly", ASCENDING), ("_id", ASCENDING)]),
    ],
    "spending": [
        IndexModel([("day", ASCENDING), ("category", ASCENDING)]),
        IndexModel([("category", ASCENDING), ("day", ASCENDING)]),
    ],
    "workers": [
        *(
            IndexModel([("category", ASCENDING), (field, direction), ("_id", ASCENDING)])
            for field, direction in ORDERS.values()
        ),
        IndexModel([("annotator", ASCENDING), ("category", ASCENDING)]),
        IndexModel(
            [("category", ASCENDING), ("last_at", ASCENDING)], name="stale", partialFilterExpression={"stale": True}
        ),
    ],
    "flags": [IndexModel([("annotator", ASCENDING), ("raised_at", DESCENDING)])],
    "market_acts": [IndexModel([("annotator", ASCENDING), ("at", DESCENDING)])],
    "appeals": [
        IndexModel([("state", ASCENDING), ("sent_at", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("answered_at", DESCENDING)]),
    ],
    "finds": [
        IndexModel(
            [("scrape", ASCENDING), ("state", ASCENDING), ("due_at", ASCENDING)],
            name="open",
            partialFilterExpression={"state": {"$in": [FindState.WAITING.value, FindState.LEASED.value]}},
        ),
        IndexModel([("scrape", ASCENDING), ("outcome", ASCENDING)]),
    ],
    "tallies": [IndexModel([("scrape", ASCENDING)])],
    "scrapes": [IndexModel([("category", ASCENDING), ("started_at", DESCENDING)])],
    "jobs": [
        IndexModel([("state", ASCENDING), ("due_at", ASCENDING)]),
        IndexModel([("error", ASCENDING)], name="troubled", partialFilterExpression={"error": {"$gt": ""}}),
    ],
    "processes": [IndexModel([("beat_at", ASCENDING)], expireAfterSeconds=24 * 3_600)],
    "happenings": [IndexModel([("at", DESCENDING)], expireAfterSeconds=30 * 24 * 3_600)],
    "takedowns": [IndexModel([("because", ASCENDING)]), IndexModel([("done_at", ASCENDING)])],
    # Keys that have expired are removed by MongoDB itself.
    "sign_ins": [IndexModel([("user", ASCENDING)]), IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)],
    "tokens": [IndexModel([("user", ASCENDING), ("name", ASCENDING)], unique=True)],
    "tries": [IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)],
    "users": [
        IndexModel(
            [("subject.issuer", ASCENDING), ("subject.id", ASCENDING)],
            unique=True,
            partialFilterExpression={"subject.id": {"$exists": True}},
        )
    ],
    "audit_log": [
        *(IndexModel([(field, ASCENDING), ("_id", DESCENDING)]) for field in ("by", "category", "act")),
        IndexModel([("at", ASCENDING)]),
    ],
    "datasets": [IndexModel([("category", ASCENDING), ("number", DESCENDING)], unique=True)],
    "dataset_blocks": [
        IndexModel([("version", ASCENDING), ("order", ASCENDING)]),
        IndexModel([("first", ASCENDING), ("last", ASCENDING)]),
    ],
    "label_files": [IndexModel([("category", ASCENDING), ("_id", ASCENDING)])],
    "assignments": [
        IndexModel([("state", ASCENDING), ("deadline", ASCENDING)]),
        IndexModel([("category", ASCENDING), ("annotator", ASCENDING), ("number", ASCENDING)], unique=True),
    ],
}


def _shape(name: str) -> dict[str, Any]:
    if name in CLUSTERED:
        return {"clusteredIndex": {"key": {"_id": 1}, "unique": True}}
    return {"storageEngine": {"wiredTiger": {"configString": "block_compressor=none"}}} if name in DENSE else {}


async def _first(database: Database) -> None:
    # A transaction cannot create a collection on a sharded cluster, so all of them exist from the start.
    for name in (*PLAIN, *VALIDATORS):
        validator = {"$jsonSchema": {"bsonType": "object", **VALIDATORS.get(name, {})}}
        try:
            await database.create_collection(name, validator=validator, **_shape(name))
        except (CollectionInvalid, OperationFailure) as error:
            if isinstance(error, OperationFailure) and error.code != NAMESPACE_EXISTS:  # another process was faster
                raise
            await database.command("collMod", name, validator=validator)
    for name, indexes in INDEXES.items():
        await database[name].create_indexes(indexes)


async def _second(database: Database) -> None:
    await database["meta"].update_one(
        {"_id": "secret"}, {"$setOnInsert": {"value": secrets.token_urlsafe(32)}}, upsert=True
    )


async def _third(database: Database) -> None:
    """What ``visible_gold`` says; then validators and indexes as they are now."""
    await visible_gold.examples(database)
    await visible_gold.answers(database)
    await visible_gold.numbers(database)
    await visible_gold.showings(database)
    await _first(database)


OLD_INDEXES = (
    "category_1_state_1_draw_1_image_1",
    "category_1_state_1_role_1_draw_1_image_1",
    "category_1_answer_1_source_1_draw_1_image_1",
    "category_1_image_1",
)


async def _fourth(database: Database) -> None:
    """Indexes of candidates that cost nothing where they do not help; scores in blocks."""
    await _first(database)
    present = await database["candidates"].index_information()
    for name in OLD_INDEXES:
        if name in present:
            await database["candidates"].drop_index(name)


async def _fifth(database: Database) -> None:
    """Where images were found; perceptual hashes in blocks; takedowns."""
    await _first(database)
    await database["categories"].update_many({"intakes": {"$exists": False}}, {"$set": {"intakes": 0, "hashed": 0}})


async def _seventh(database: Database) -> None:
    """Users, datasets, workers; what was spent on which day, and what people earned in how much time."""
    await _first(database)
    await money_filling.fill(database)
    await worker_filling.fill(database)


async def _ninth(database: Database) -> None:
    """Until now the market of a category was written down and not heeded: all stay at the installation's."""
    await database["categories"].update_many({}, {"$set": {"category.market": ""}})


MIGRATIONS: tuple[tuple[int, Callable[[Database], Awaitable[None]]], ...] = (
    (1, _first),
    (2, _second),
    (3, _third),
    (4, _fourth),
    (5, _fifth),
    (6, _first),
    (7, _seventh),
    (8, _first),
    (9, _ninth),
)
"""Append only. A migration must be safe to run twice: two processes may start at the same moment."""


async def migrate(connection: Connection) -> int:
    """Run what has not run yet; returns the number of the newest migration."""
    done = connection.database["migrations"]
    newest = 0
    for number, step in MIGRATIONS:
        if await done.find_one({"_id": number}) is None:
            await step(connection.database)
            await done.update_one({"_id": number}, {"$setOnInsert": {"done": True}}, upsert=True)
        newest = number
    return newest


async def stored_secret(connection: Connection) -> str:
    """The signing secret of this database, made by the second migration."""
    document = await connection.database["meta"].find_one({"_id": "secret"})
    if document is None:
        raise LookupError("migrate() has not run on this database")
    return str(document["value"])
