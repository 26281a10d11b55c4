"""What requesters and workers write to each other: messages in threads, about a HIT, an assignment, or nothing."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from workers.turk import attempts
from workers.turk.database import Database, Document
from workers.turk.errors import FormRefused, NotThere
from workers.turk.identifiers import new_id, order_key

MAX_SUBJECT, MAX_TEXT = 200, 4_096
PAGE = 100
SCANNED = 1_000
"""Threads are made of at most this many messages, the newest."""

OF_WORKER = 20
"""Messages that one worker may write in a quarter of an hour."""


class Side(StrEnum):
    """Who writes or reads."""

    WORKER = "worker"
    REQUESTER = "requester"


def message(
    requester: str, worker: str, sender: Side, subject: str, text: str, now: datetime, *, hit: str | None = None
) -> Document:
    """A message that begins a thread, as it is stored. ``read`` is whether the other side has seen it."""
    identifier = new_id()
    return {
        "_id": identifier,
        "thread": identifier,
        "order": order_key(now, identifier),
        "requester": requester,
        "worker": worker,
        "sender": str(sender),
        "subject": subject,
        "text": text,
        "hit": hit,
        "at": now,
        "read": False,
    }


async def start(
    database: Database,
    *,
    requester: str,
    worker: str,
    sender: Side,
    subject: str,
    text: str,
    now: datetime,
    hit: str | None = None,
) -> str:
    """Begins a thread and gives its id. Raises FormRefused for an empty or too long text, or after too many."""
    subject = _checked(subject, MAX_SUBJECT, "A subject")
    text = _checked(text, MAX_TEXT, "A message")
    await _mind_the_rate(database, worker, sender, now)
    first = message(requester, worker, sender, subject, text, now, hit=hit)
    await database.messages.insert_one(first)
    return str(first["thread"])


async def reply(database: Database, side: Side, owner: str, thread: str, text: str, now: datetime) -> None:
    """Adds to a thread of ``owner``'s. Raises NotThere for somebody else's, FormRefused for an impossible text."""
    text = _checked(text, MAX_TEXT, "A message")
    first = await database.messages.find_one({"thread": thread, str(side): owner}, sort=[("order", 1)])
    if first is None:
        raise NotThere("You have no such thread.", "Your messages are on the page Messages.")
    await _mind_the_rate(database, first["worker"], side, now)
    following = message(first["requester"], first["worker"], side, first["subject"], text, now, hit=first.get("hit"))
    await database.messages.insert_one({**following, "thread": thread})


async def threads(database: Database, side: Side, owner: str) -> list[Document]:
    """This side's threads, the newest first: _id, subject, at, messages, unread, sender and text of the last one,
    requester, worker, hit."""
    theirs = {"$and": [{"$eq": ["$read", False]}, {"$ne": ["$sender", str(side)]}]}
    pipeline: list[dict[str, Any]] = [
        {"$match": {str(side): owner}},
        {"$sort": {"order": -1}},
        {"$limit": SCANNED},
        {
            "$group": {
                "_id": "$thread",
                **{
                    name: {"$first": f"${name}"}
                    for name in ("subject", "at", "order", "sender", "text", "requester", "worker", "hit")
                },
                "messages": {"$sum": 1},
                "unread": {"$sum": {"$cond": [theirs, 1, 0]}},
            }
        },
        {"$sort": {"order": -1}},
        {"$limit": PAGE},
    ]
    found: list[Document] = await (await database.messages.aggregate(pipeline)).to_list()
    return found


async def thread(database: Database, side: Side, owner: str, identifier: str) -> list[Document]:
    """The newest messages of a thread, oldest first, as they were before they count as read. Raises NotThere."""
    mine: dict[str, Any] = {"thread": identifier, str(side): owner}
    found = await database.messages.find(mine).sort("order", -1).limit(PAGE).to_list()
    if not found:
        raise NotThere("You have no such thread.", "Your messages are on the page Messages.")
    await database.messages.update_many({**mine, "sender": {"$ne": str(side)}, "read": False}, {"$set": {"read": True}})
    return found[::-1]


async def unread(database: Database, side: Side, owner: str) -> int:
    """How many messages to this side nobody has looked at, at most 100."""
    wanted = {str(side): owner, "read": False, "sender": {"$ne": str(side)}}
    return await database.messages.count_documents(wanted, limit=PAGE)


async def _mind_the_rate(database: Database, worker: str, sender: Side, now: datetime) -> None:
    if sender is Side.WORKER:
        await attempts.count(database, now, {f"write:{worker}": OF_WORKER}, "write a message")


def _checked(text: str, limit: int, what: str) -> str:
    text = text.strip()
    if not text or len(text) > limit:
        raise FormRefused(400, f"{what} has 1 to {limit} characters.", "Go back and shorten or fill it.")
    return text
