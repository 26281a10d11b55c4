"""The moves of HITs and assignments. Each is one transaction that compares the old state before it sets the new one.

accept    slot available -> pending          submit    InProgress -> Submitted, pending -> submitted
give_back InProgress -> Returned | Abandoned, pending -> available
approve   Submitted | Rejected -> Approved   reject    Submitted -> Rejected; both submitted -> completed
catch_up  everything that only time does: abandoning, auto-approval, expiry, disposal
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from workers.turk import notifications, qualifying, reviewing
from workers.turk.chaos import CALM, Chaos
from workers.turk.database import Database, Session
from workers.turk.errors import NotNow, NotThere, RequestRefused
from workers.turk.identifiers import new_id, order_key
from workers.turk.ledger import Books
from workers.turk.notifications import Event
from workers.turk.questions import answer_xml
from workers.turk.states import (
    DISPOSAL_DELAY,
    LISTED,
    OVERRIDE_WINDOW,
    Assignment,
    AssignmentState,
    is_open,
    price,
)

GIVEN_BACK = ("You have just given this HIT back.", "Accept it again.")
NONE_LEFT = ("There is no work left in this HIT.", "Others took the last places or its time ran out. Pick another one.")


async def accept(database: Database, hit_id: str, worker: str, now: datetime, *, chaos: Chaos = CALM) -> Assignment:
    """Gives the worker a slot of the HIT. Accepting twice gives the assignment that is already in progress.

    Raises NotThere for an unknown HIT, NotNow when no slot is left, when the worker already submitted this HIT, or
    when its requester has blocked the worker, and Unqualified when it asks for what the worker does not have.
    """
    hit = await database.hits.find_one({"_id": hit_id, "disposed": False})
    if hit is None:
        raise NotThere("This HIT does not exist.", "It may have been deleted. Pick another one.")
    if await database.blocks.find_one({"_id": f"{hit['requester']}/{worker}"}, {"_id": 1}):
        raise NotNow("This requester has no more work for you.", "Pick a HIT of somebody else.")
    await qualifying.require(database, hit, worker, "accept")
    if await catch_up(database, now, {"hit": hit_id}):
        hit = await database.hits.find_one({"_id": hit_id, "hit_type": hit["hit_type"]}) or hit
    if not is_open(hit, now) or not hit["available"]:
        # In a rush for the last places most come here: a transaction would only find out the same.
        return await _resume(database, hit_id, worker, NONE_LEFT)
    deadline = now + timedelta(seconds=hit["duration"])
    used = await _returned_id(database, hit_id) if chaos.reuse_assignment_ids else None
    assignment: Assignment = {
        "_id": used or new_id(),
        "hit": hit_id,
        "requester": hit["requester"],
        "worker": worker,
        "state": AssignmentState.IN_PROGRESS,
        "title": hit["title"],
        "reward": hit["reward"],
        "fee": hit["fee"],
        "auto_approval_delay": hit["auto_approval_delay"],
        "accepted_at": now,
        "deadline": deadline,
        "due_at": deadline + timedelta(seconds=chaos.late_submits),
        "live": True,
    }

    async def act(session: Session) -> None:
        if used is not None:
            await database.assignments.delete_one({"_id": used, "state": AssignmentState.RETURNED}, session=session)
        await database.assignments.insert_one(assignment, session=session)
        taken = await database.hits.find_one_and_update(
            # The type as it was read: a change of the reward in the same moment is not accepted unseen.
            {"_id": hit_id, "hit_type": hit["hit_type"], "expired": False, "expires_at": {"$gt": now}}
            | {"disposed": False, "available": {"$gt": 0}},
            {"$inc": {"available": -1, "pending": 1}},
            session=session,
        )
        if taken is None:
            raise NotNow(*NONE_LEFT)
        await notifications.record(database, session, taken, now, Event.ASSIGNMENT_ACCEPTED, of=assignment)

    try:
        await database.atomically(act)
    except DuplicateKeyError:
        return await _resume(database, hit_id, worker, GIVEN_BACK)
    return assignment


async def _returned_id(database: Database, hit_id: str) -> str | None:
    found = await database.assignments.find_one({"hit": hit_id, "state": AssignmentState.RETURNED}, {"_id": 1})
    return found["_id"] if found is not None else None


async def _resume(database: Database, hit_id: str, worker: str, otherwise: tuple[str, str]) -> Assignment:
    """What the worker has in progress here. Raises NotNow: he has submitted it, or ``otherwise``."""
    existing = await database.assignments.find_one({"hit": hit_id, "worker": worker, "live": True})
    if existing is None:
        raise NotNow(*otherwise)
    if existing["state"] != AssignmentState.IN_PROGRESS:
        raise NotNow("You have already done this HIT.", "One person can do a HIT once. Pick another one.")
    return existing


async def submit(
    database: Database, assignment_id: str, answers: list[tuple[str, str]] | str, now: datetime
) -> Assignment:
    """Stores the answers of an assignment in progress. Repeating it changes nothing and gives the stored assignment.

    ``answers`` are the fields of a form, or QuestionFormAnswers as they are to be stored.

    Raises NotThere for an unknown id, NotNow when the assignment was returned or its time ran out.
    """
    found = await database.assignments.find_one({"_id": assignment_id})
    if found is None:
        raise NotThere("This assignment does not exist.", "Nothing was stored. Open the HIT from the list again.")
    delay = timedelta(seconds=found["auto_approval_delay"])
    change: dict[str, Any] = {
        "state": AssignmentState.SUBMITTED,
        "submitted_at": now,
        "auto_approval_at": now + delay,
        "due_at": now + delay,
        "order": order_key(now, assignment_id),
        "answer": answers if isinstance(answers, str) else answer_xml(answers),
    }

    async def act(session: Session) -> Assignment | None:
        after = await database.assignments.find_one_and_update(
            {"_id": assignment_id, "state": AssignmentState.IN_PROGRESS, "due_at": {"$gt": now}},
            {"$set": change},
            session=session,
            return_document=ReturnDocument.AFTER,
        )
        if after is not None:
            hit = await database.hits.find_one_and_update(
                {"_id": after["hit"]},
                {"$inc": {"pending": -1, "submitted": 1}},
                session=session,
                return_document=ReturnDocument.AFTER,
            )
            assert hit is not None
            await reviewing.notice(database, session, hit, now)
            events = [Event.ASSIGNMENT_SUBMITTED, *notifications.reviewable(hit)]
            await notifications.record(database, session, hit, now, *events, of=after)
        return after

    stored = await database.atomically(act) if found["state"] == AssignmentState.IN_PROGRESS else None
    stored = stored or await database.assignments.find_one({"_id": assignment_id})
    if stored is None or stored["state"] not in LISTED:
        raise NotNow(
            "This assignment is no longer yours: it was returned or its time ran out.",
            "The answers were not taken. Accept the HIT again if places are left.",
        )
    return stored


async def give_back(database: Database, assignment_id: str, to: AssignmentState, now: datetime) -> bool:
    """Ends an assignment in progress as Returned or Abandoned and reopens its slot. False in any other state."""

    async def act(session: Session) -> bool:
        ended = await database.assignments.find_one_and_update(
            {"_id": assignment_id, "state": AssignmentState.IN_PROGRESS},
            {"$set": {"state": to, "due_at": None}, "$unset": {"live": ""}},
            session=session,
        )
        if ended is None:
            return False
        hit = await database.hits.find_one_and_update(
            {"_id": ended["hit"]},
            {"$inc": {"pending": -1, "available": 1}},
            session=session,
            return_document=ReturnDocument.AFTER,
        )
        assert hit is not None
        if hit["expired"]:
            # Nobody can take the slot any more, so its money is free again.
            await Books(database, session, hit["requester"], now).hold(hit["_id"], -price(hit))
            await reviewing.notice(database, session, hit, now)
        event = Event.ASSIGNMENT_RETURNED if to == AssignmentState.RETURNED else Event.ASSIGNMENT_ABANDONED
        await notifications.record(database, session, hit, now, event, *notifications.reviewable(hit), of=ended)
        return True

    return await database.atomically(act)


async def approve(
    database: Database, assignment_id: str, feedback: str | None, now: datetime, *, override: bool = False
) -> None:
    """Approves and pays. With ``override`` a rejected assignment is approved too, within 30 days of its submission.

    Raises RequestRefused(InvalidAssignmentState) in any other state, InsufficientFunds when an overridden rejection
    is not covered.
    """

    async def act(session: Session) -> None:
        found = await database.assignments.find_one({"_id": assignment_id}, session=session)
        overriding = (
            override
            and found is not None
            and found["state"] == AssignmentState.REJECTED
            and now <= found["submitted_at"] + OVERRIDE_WINDOW
        )
        if found is None or not (found["state"] == AssignmentState.SUBMITTED or overriding):
            raise wrong_assignment_state("Submitted")
        change: dict[str, Any] = {"state": AssignmentState.APPROVED, "approved_at": now, "due_at": None}
        await _decide(database, session, found, change, feedback, now)
        await Books(database, session, found["requester"], now).pay(found, "available" if overriding else "on_hold")

    await database.atomically(act)


async def reject(database: Database, assignment_id: str, feedback: str, now: datetime) -> None:
    """Rejects; the money on hold becomes available again. Raises RequestRefused(InvalidAssignmentState)."""

    async def act(session: Session) -> None:
        found = await database.assignments.find_one({"_id": assignment_id}, session=session)
        if found is None or found["state"] != AssignmentState.SUBMITTED:
            raise wrong_assignment_state("Submitted")
        change: dict[str, Any] = {"state": AssignmentState.REJECTED, "rejected_at": now, "due_at": None}
        await _decide(database, session, found, change, feedback, now)
        await Books(database, session, found["requester"], now).hold(found["hit"], -price(found))

    await database.atomically(act)


async def _decide(
    database: Database,
    session: Session,
    found: Assignment,
    change: dict[str, Any],
    feedback: str | None,
    now: datetime,
) -> None:
    if feedback is not None:
        change["feedback"] = feedback
    decided = await database.assignments.update_one(
        {"_id": found["_id"], "state": found["state"]}, {"$set": change}, session=session
    )
    if decided.matched_count == 0:
        raise wrong_assignment_state("Submitted")
    first = int(found["state"] == AssignmentState.SUBMITTED)
    hit = await database.hits.find_one_and_update(
        {"_id": found["hit"]}, {"$inc": {"submitted": -first, "completed": first}}, session=session
    )
    assert hit is not None
    approved = change["state"] == AssignmentState.APPROVED
    event = Event.ASSIGNMENT_APPROVED if approved else Event.ASSIGNMENT_REJECTED
    await notifications.record(database, session, hit, now, event, of=found)


def wrong_assignment_state(allowed: str) -> RequestRefused:
    """The API's answer when an assignment's state does not allow the operation."""
    return RequestRefused(
        "AWS.MechanicalTurk.InvalidAssignmentState", f"This operation can be called with a status of: {allowed}"
    )


async def expire(database: Database, hit_id: str, now: datetime) -> None:
    """Ends the HIT's lifetime now, if it still runs, and frees the money of slots that nobody took."""

    async def act(session: Session) -> None:
        hit = await database.hits.find_one({"_id": hit_id}, session=session)
        if hit is None or hit["expired"] or hit["disposed"]:
            return
        ends = min(hit["expires_at"], now)
        change = {"expired": True, "expires_at": ends, "due_at": ends + DISPOSAL_DELAY}
        await database.hits.update_one({"_id": hit_id}, {"$set": change}, session=session)
        await Books(database, session, hit["requester"], now).hold(hit_id, -price(hit) * hit["available"])
        await reviewing.notice(database, session, hit, now)
        # One whose places were all used was reviewable before its time ran out.
        over = [Event.HIT_REVIEWABLE] if hit["available"] and not hit["pending"] else []
        await notifications.record(database, session, hit, now, Event.HIT_EXPIRED, *over)

    await database.atomically(act)


async def dispose(database: Database, hit_id: str, now: datetime) -> bool:
    """Deletes a HIT that is Reviewable or Reviewing with every submission decided. False in any other state.

    Nothing is on hold then: pending and submitted are 0, and slots still available belong to an expired HIT.
    """
    idle: dict[str, Any] = {"_id": hit_id, "disposed": False, "pending": 0, "submitted": 0}
    over = {"$or": [{"expired": True}, {"available": 0}]}

    async def act(session: Session) -> bool:
        ended = {"$set": {"disposed": True, "due_at": None}}
        hit = await database.hits.find_one_and_update(idle | over, ended, session=session)
        if hit is not None:
            await notifications.record(database, session, hit, now, Event.HIT_DISPOSED)
        return hit is not None

    return await database.atomically(act)


async def catch_up(database: Database, now: datetime, scope: Mapping[str, str] | None = None) -> int:
    """Makes every move that time alone makes, within ``scope`` (a HIT, a requester, or all). Returns how many were due.

    Called before each operation on what it looks at, so deadlines hold to the moment; the background sweep only
    serves those that nobody looks at.
    """
    due: dict[str, Any] = {"due_at": {"$lte": now}}
    scope = scope or {}
    moved = 0
    async for assignment in database.assignments.find({**due, **scope}, {"state": 1, "due_at": 1}):
        if assignment["state"] == AssignmentState.SUBMITTED:
            await _auto_approve(database, assignment["_id"], now)
        else:
            await give_back(database, assignment["_id"], AssignmentState.ABANDONED, now)
        moved += 1
    of_hits = {("_id" if name == "hit" else name): value for name, value in scope.items()}
    async for hit in database.hits.find({**due, **of_hits}):
        ends_now = not hit["expired"] and hit["expires_at"] <= now
        if ends_now:
            await expire(database, hit["_id"], now)
        # Also at once with its end, where nobody looked for so long; but policies have their say first.
        old = hit["expires_at"] + DISPOSAL_DELAY <= now
        if old and "review_due" not in hit and not (ends_now and hit.get("policies")):
            await dispose(database, hit["_id"], now)
        if hit.get("policies"):
            await reviewing.review(database, hit["_id"], now, {"approve": approve, "reject": reject})
        moved += 1
    return moved


async def _auto_approve(database: Database, assignment_id: str, now: datetime) -> None:
    try:
        await approve(database, assignment_id, None, now)
    except RequestRefused:
        return  # The requester decided in the same moment.
