"""Invitations: a link lets a number of people sign up until a day. A requester or the operator makes and revokes it."""

from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from workers.turk.database import Database, Document, Session
from workers.turk.errors import InvalidParameter, NotNow
from workers.turk.identifiers import new_id, order_key

MAX_USES, LONGEST, MAX_NOTE = 10_000, timedelta(days=366), 200
PAGE = 100
OVER = (
    "This invitation is not valid (any more).",
    "It was used up, revoked, or its last day has passed. Ask whoever sent it for a new one.",
)


async def make(
    database: Database, requester: str | None, now: datetime, *, uses: int, until: datetime, note: str = ""
) -> Document:
    """A new invitation: ``_id`` is its token, for ``path``. Without a requester it is the operator's.

    ``note`` says for whom it is; only who made it sees it. Raises InvalidParameter for impossible values.
    """
    if not 1 <= uses <= MAX_USES:
        raise InvalidParameter(f"An invitation is for 1 to {MAX_USES:,} people.")
    if not now < until <= now + LONGEST:
        raise InvalidParameter("An invitation ends in the future, within a year.")
    if len(note) > MAX_NOTE:
        raise InvalidParameter(f"A note has at most {MAX_NOTE} characters.")
    token = new_id()
    invitation: Document = {
        "_id": token,
        "order": order_key(now, token),
        "requester": requester,
        "note": note.strip(),
        "uses": uses,
        "used": 0,
        "until": until,
        "created_at": now,
        "revoked_at": None,
    }
    await database.invitations.insert_one(invitation)
    return invitation


def path(token: str) -> str:
    """Where on the marketplace's site the invitation leads."""
    return f"/join/{token}"


def is_open(invitation: Document, now: datetime) -> bool:
    """Whether somebody can still sign up with it."""
    return invitation["revoked_at"] is None and now < invitation["until"] and invitation["used"] < invitation["uses"]


async def of_requester(database: Database, requester: str | None) -> list[Document]:
    """The newest 100 invitations of a requester, or of the operator."""
    return await database.invitations.find({"requester": requester}).sort("order", -1).limit(PAGE).to_list()


async def revoke(database: Database, requester: str | None, token: str, now: datetime) -> Document:
    """Ends an invitation at once; a revoked one stays as it is. Raises InvalidParameter for somebody else's."""
    ended = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", now]}}}]
    found = await database.invitations.find_one_and_update(
        {"_id": token, "requester": requester}, ended, return_document=ReturnDocument.AFTER
    )
    if found is None:
        raise InvalidParameter("There is no such invitation.")
    return found


async def find_open(database: Database, token: str, now: datetime) -> Document:
    """The invitation behind a link. Raises NotNow when nobody can sign up with it."""
    found = await database.invitations.find_one({"_id": token})
    if found is None or not is_open(found, now):
        raise NotNow(*OVER)
    return found


async def use(database: Database, session: Session, token: str, now: datetime) -> Document:
    """Counts one use, inside the transaction that signs somebody up. Raises NotNow when none is left."""
    still: dict[str, Any] = {"_id": token, "revoked_at": None, "until": {"$gt": now}}
    used = await database.invitations.find_one_and_update(
        {**still, "$expr": {"$lt": ["$used", "$uses"]}}, {"$inc": {"used": 1}}, session=session
    )
    if used is None:
        raise NotNow(*OVER)
    return used
