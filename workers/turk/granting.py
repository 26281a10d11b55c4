"""The moves of qualifications: asked for, tested, granted, refused, revoked.

One document a worker and type says what he has (``status``, ``value``) and when he last asked (``attempted_at``), also
while he has nothing: it is compared before it is changed, so two tabs make one attempt. ``test_until`` is there while
he takes a test. What waits for the requester is a request.
"""

from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from workers.turk.database import Database, Document, Session
from workers.turk.errors import NotNow, RequestRefused
from workers.turk.identifiers import new_id, order_key
from workers.turk.threads import Side, message

GRANTED, REVOKED = "Granted", "Revoked"
PENDING, REJECTED = "Pending", "Rejected"
GRACE = timedelta(seconds=30)
"""A test may arrive so much after its time: the way through the network is not the worker's."""


def key(kind: str, worker: str) -> str:
    """The id of what a worker has of a type."""
    return f"{kind}/{worker}"


def retry_at(kind: Document, held: Document | None) -> datetime | None:
    """When the worker may ask again; None when he never asked, or when the type allows no second attempt."""
    asked, delay = (held or {}).get("attempted_at"), kind.get("retry_delay")
    return None if asked is None or delay is None else asked + timedelta(seconds=delay)


def obstacle(kind: Document, held: Document | None, now: datetime) -> str | None:
    """Why the worker cannot ask for this type now, in words; None when he can."""
    held = held or {}
    if kind["status"] != "Active":
        return "The requester does not give this qualification at the moment."
    if held.get("status") == GRANTED and not kind.get("test"):
        return "You have this qualification."
    if held.get("pending"):
        return "You have asked for it. The requester decides."
    if held.get("test_until") and held["test_until"] > now:
        return "You are taking its test."
    again = retry_at(kind, held)
    if held.get("attempted_at") is not None and again is None:
        return "This qualification can be asked for once only."
    if again is not None and again > now:
        return "You have asked for it, and it is too early to ask again."
    return None


async def begin(database: Database, kind: Document, worker: str, now: datetime) -> Document:
    """The worker asks: the test begins, or the qualification is granted, or the requester is asked.

    Returns what the worker has now. Raises NotNow when he cannot ask.
    """
    held = await database.qualifications.find_one({"_id": key(kind["_id"], worker)})
    reason = obstacle(kind, held, now)
    if reason is not None:
        raise NotNow(reason, "The page of the qualification says what can be done.")

    async def act(session: Session) -> Document:
        change: Document = {"attempted_at": now}
        if kind.get("test"):
            change["test_until"] = now + timedelta(seconds=kind["test_duration"])
        elif kind["auto_granted"]:
            change |= _granted(kind["auto_granted_value"], now)
        else:
            change["pending"] = await _insert_request(database, session, kind, worker, None, now)
        before = {"attempted_at": (held or {}).get("attempted_at"), "pending": None}
        return await _change(database, session, kind, worker, change, now, before=before)

    try:
        return await database.atomically(act)
    except DuplicateKeyError:
        raise NotNow("You have just asked for it in another tab.") from None


async def finish(
    database: Database, kind: Document, worker: str, answer: str, score: int | None, now: datetime
) -> Document:
    """Takes the answers of a test in its time: the score is the value, or without one the requester decides.

    Returns what the worker has now. Raises NotNow when no test is being taken or its time is over.
    """

    async def act(session: Session) -> Document:
        ended = await database.qualifications.find_one_and_update(
            {"_id": key(kind["_id"], worker), "test_until": {"$gt": now - GRACE}},
            {"$unset": {"test_until": ""}},
            session=session,
        )
        if ended is None:
            raise NotNow("The time of this test is over, or it was handed in already.", "Nothing was taken.")
        if score is not None:
            return await _change(database, session, kind, worker, _granted(score, now), now)
        asked = await _insert_request(database, session, kind, worker, answer, now)
        return await _change(database, session, kind, worker, {"pending": asked}, now)

    return await database.atomically(act)


async def grant(database: Database, kind: Document, worker: str, value: int, now: datetime, *, tell: bool) -> None:
    """The requester gives a worker the qualification, or another value of it. A request of his is answered by it."""

    async def act(session: Session) -> None:
        waiting = {"type": kind["_id"], "worker": worker, "state": PENDING}
        decided = {"state": GRANTED, "decided_at": now}
        await database.qualification_requests.update_many(waiting, {"$set": decided}, session=session)
        await _change(database, session, kind, worker, _granted(value, now), now)
        if tell:
            await _tell_value(database, session, kind, worker, value, now)

    await database.atomically(act)


async def revoke(database: Database, kind: Document, worker: str, reason: str | None, now: datetime) -> None:
    """Takes a granted qualification away; the worker is told. Raises RequestRefused when he does not have it."""

    async def act(session: Session) -> None:
        identifier = key(kind["_id"], worker)
        change = {"status": REVOKED, "reason": reason, "revoked_at": now}
        done = await database.qualifications.update_one(
            {"_id": identifier, "status": GRANTED}, {"$set": change}, session=session
        )
        if done.matched_count == 0:
            raise not_granted(await database.qualifications.find_one({"_id": identifier}, session=session))
        text = f"The qualification “{kind['name']}” was taken back." + (f" Reason: {reason}" if reason else "")
        await _tell(database, session, kind, worker, "A qualification was taken back", text, now)

    await database.atomically(act)


async def decide(
    database: Database, request: Document, kind: Document, now: datetime, *, value: int | None, reason: str | None
) -> None:
    """Grants a request with this value, or rejects it without one. Raises RequestRefused when it was decided before."""

    async def act(session: Session) -> None:
        state = REJECTED if value is None else GRANTED
        done = await database.qualification_requests.update_one(
            {"_id": request["_id"], "state": PENDING},
            {"$set": {"state": state, "decided_at": now, "reason": reason}},
            session=session,
        )
        if done.matched_count == 0:
            raise RequestRefused(
                "AWS.MechanicalTurk.InvalidQualificationRequestState",
                "This operation can be called with a status of: Submitted",
            )
        change = (
            {"pending": None, "refused": reason or "", "refused_at": now} if value is None else _granted(value, now)
        )
        await _change(database, session, kind, request["worker"], change, now)
        if value is None:
            text = f"You were not given the qualification “{kind['name']}”." + (f" Reason: {reason}" if reason else "")
            await _tell(database, session, kind, request["worker"], "Your request was refused", text, now)
        else:
            await _tell_value(database, session, kind, request["worker"], value, now)

    await database.atomically(act)


def not_granted(held: Document | None) -> RequestRefused:
    """The API's answer about a worker who does not have the qualification."""
    if held is None or "status" not in held:
        return RequestRefused(
            "AWS.MechanicalTurk.QualificationDoesNotExist", "The worker does not have a Qualification of this type."
        )
    return RequestRefused(
        "AWS.MechanicalTurk.InvalidQualificationState", "This operation can be called with a status of: Granted"
    )


def _granted(value: int, now: datetime) -> Document:
    return {"status": GRANTED, "value": value, "granted_at": now, "pending": None}


async def _change(
    database: Database,
    session: Session,
    kind: Document,
    worker: str,
    change: Document,
    now: datetime,
    *,
    before: Document | None = None,
) -> Document:
    identifier = key(kind["_id"], worker)
    first = {
        "type": kind["_id"],
        "worker": worker,
        "requester": kind["requester"],
        "order": order_key(now, new_id()),
    }
    await database.qualifications.update_one(
        {"_id": identifier, **(before or {})}, {"$set": change, "$setOnInsert": first}, upsert=True, session=session
    )
    held = await database.qualifications.find_one({"_id": identifier}, session=session)
    assert held is not None
    return held


async def _insert_request(
    database: Database, session: Session, kind: Document, worker: str, answer: str | None, now: datetime
) -> str:
    identifier = new_id()
    request: dict[str, Any] = {
        "_id": identifier,
        "order": order_key(now, identifier),
        "requester": kind["requester"],
        "type": kind["_id"],
        "worker": worker,
        "state": PENDING,
        "submitted_at": now,
        "test": kind.get("test"),
        "answer": answer,
    }
    await database.qualification_requests.insert_one(request, session=session)
    return identifier


async def _tell_value(
    database: Database, session: Session, kind: Document, worker: str, value: int, now: datetime
) -> None:
    text = f"You have been given the qualification “{kind['name']}”, with the value {value}."
    await _tell(database, session, kind, worker, "You are qualified", text, now)


async def _tell(
    database: Database, session: Session, kind: Document, worker: str, subject: str, text: str, now: datetime
) -> None:
    said = message(kind["requester"], worker, Side.REQUESTER, subject, text, now)
    await database.messages.insert_one(said, session=session)
