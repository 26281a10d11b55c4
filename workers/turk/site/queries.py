"""What the workers' pages read."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workers.turk import qualifying
from workers.turk.database import Database, Document
from workers.turk.site.browsing import Wanted
from workers.turk.states import LISTED, Assignment, AssignmentState, Hit

PAGE = 100
GROUPS = 24
"""Groups of HITs on one page of the list."""

ROWS = 50
"""Submissions on one page of the earnings."""

SEARCHED = ("title", "description", "keywords", "requester")
SORTED: Mapping[str, dict[str, int]] = {
    "oldest": {"order": 1},
    "newest": {"newest": -1},
    "pay": {"reward": -1, "order": 1},
    "time": {"duration": 1, "order": 1},
    "hits": {"hits": -1, "order": 1},
}
SCANNED = 2_000
"""Groups are made of at most this many open HITs, so the list costs the same however many there are."""


async def open_hits(database: Database, worker: str, now: datetime) -> list[Hit]:
    """HITs that this worker can accept, oldest first, at most 100; without question and annotation."""
    (closed,) = await qualifying.closed_to(database, worker, "accept")
    cursor = database.hits.find(await _open_to(database, worker, now, closed), {"question": 0, "annotation": 0})
    return await cursor.sort("order", 1).limit(PAGE).to_list()


async def groups_for(
    database: Database, worker: str, now: datetime, wanted: Wanted | None = None
) -> tuple[list[Document], bool]:
    """HITs that this worker can see, by HIT type: how many, and the first one's id. And whether more follow.

    ``closed`` tells that the worker may not accept them: a qualification is missing.
    """
    wanted = wanted or Wanted()
    unseen, closed = await qualifying.closed_to(database, worker, "discover", "accept")
    pipeline: list[dict[str, Any]] = [
        {"$match": {"$and": [await _open_to(database, worker, now, unseen), _matching(wanted)]}},
        {"$sort": {"order": 1}},
        {"$limit": SCANNED},
        {
            "$group": {
                "_id": "$hit_type",
                "first": {"$first": "$_id"},
                "order": {"$first": "$order"},
                "newest": {"$last": "$order"},
                "title": {"$first": "$title"},
                "description": {"$first": "$description"},
                "requester": {"$first": "$requester"},
                "reward": {"$first": "$reward"},
                "duration": {"$first": "$duration"},
                "hits": {"$sum": 1},
            }
        },
        {"$set": {"closed": {"$in": ["$_id", closed]}}},
        {"$sort": SORTED[wanted.sort]},
        {"$skip": (wanted.page - 1) * GROUPS},
        {"$limit": GROUPS + 1},
    ]
    found: list[Document] = await (await database.hits.aggregate(pipeline)).to_list()  # type: ignore[assignment]
    return found[:GROUPS], len(found) > GROUPS


def _matching(wanted: Wanted) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if wanted.least_cents:
        query["reward"] = {"$gte": wanted.least_cents}
    if wanted.longest_seconds is not None:
        query["duration"] = {"$lte": wanted.longest_seconds}
    if wanted.words:
        each = [{"$regex": re.escape(word), "$options": "i"} for word in wanted.words.split()]
        query["$and"] = [{"$or": [{name: word} for name in SEARCHED]} for word in each]
    return query


async def next_hit(database: Database, assignment: Assignment, now: datetime) -> str | None:
    """Another HIT of the same type that this worker can accept."""
    done = await database.hits.find_one({"_id": assignment["hit"]}, {"hit_type": 1})
    (closed,) = await qualifying.closed_to(database, assignment["worker"], "accept")
    wanted = await _open_to(database, assignment["worker"], now, closed)
    if done is not None:
        wanted["hit_type"] = {**wanted.get("hit_type", {}), "$eq": done["hit_type"]}
    following = await database.hits.find_one(wanted, {"_id": 1}, sort=[("order", 1)])
    return following["_id"] if following is not None else None


async def in_progress(database: Database, worker: str, now: datetime) -> list[Assignment]:
    """Accepted and not yet submitted, with time left, the most urgent first."""
    wanted = {"worker": worker, "state": AssignmentState.IN_PROGRESS, "deadline": {"$gt": now}}
    return await database.assignments.find(wanted, {"answer": 0}).sort("deadline", 1).to_list()


async def earnings(database: Database, worker: str) -> Document:
    """Sums in cents over everything, and the newest 100 bonuses."""
    groups: list[dict[str, Any]] = [
        {"$match": {"worker": worker, "state": {"$in": [str(state) for state in LISTED]}}},
        {"$group": {"_id": "$state", "cents": {"$sum": "$reward"}, "count": {"$sum": 1}}},
    ]
    sums = {row["_id"]: row async for row in await database.assignments.aggregate(groups)}
    bonus_sum: list[dict[str, Any]] = [
        {"$match": {"worker": worker}},
        {"$group": {"_id": None, "cents": {"$sum": "$amount"}}},
    ]
    bonuses_cents = sum([row["cents"] async for row in await database.bonuses.aggregate(bonus_sum)])
    nothing = {"cents": 0, "count": 0}
    return {
        "approved": sums.get(AssignmentState.APPROVED, nothing),
        "pending": sums.get(AssignmentState.SUBMITTED, nothing),
        "rejected": sums.get(AssignmentState.REJECTED, nothing),
        "bonus_cents": bonuses_cents,
        "bonuses": await database.bonuses.find({"worker": worker}).sort("order", -1).limit(PAGE).to_list(),
    }


async def submissions(
    database: Database, worker: str, state: AssignmentState | None, page: int
) -> tuple[list[Assignment], bool]:
    """One page of what this worker submitted, the newest first, without answers; and whether more follow."""
    states = [str(state)] if state is not None else [str(each) for each in LISTED]
    cursor = database.assignments.find({"worker": worker, "state": {"$in": states}}, {"answer": 0})
    found = await cursor.sort("accepted_at", -1).skip((page - 1) * ROWS).limit(ROWS + 1).to_list()
    return found[:ROWS], len(found) > ROWS


async def _open_to(database: Database, worker: str, now: datetime, closed: list[str]) -> dict[str, Any]:
    taken = await database.assignments.distinct("hit", {"worker": worker, "live": True})
    blocked_by = await database.blocks.distinct("requester", {"worker": worker})
    return {
        "disposed": False,
        "expired": False,
        "expires_at": {"$gt": now},
        "available": {"$gt": 0},
        "_id": {"$nin": taken},
        **({"hit_type": {"$nin": closed}} if closed else {}),
        **({"requester": {"$nin": blocked_by}} if blocked_by else {}),
    }
