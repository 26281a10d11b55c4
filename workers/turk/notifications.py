"""What happened, written down for whoever wants to hear of it: settings of HIT types, events, the outbox.

An event enters the outbox in the same transaction as the move that it tells of: neither is there without the other.
``delivering`` takes it from there. A HIT type without active settings costs one look-up for each move.
"""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from workers.turk.database import Database, Document, Session
from workers.turk.identifiers import new_id
from workers.turk.states import Assignment, Hit

DOCUMENT_VERSION = "2014-08-15"
"""What Amazon's own messages carry, whatever version their settings name."""


class Event(StrEnum):
    """What a requester can be told of, as the API spells it. Ping is for tests only."""

    ASSIGNMENT_ACCEPTED = "AssignmentAccepted"
    ASSIGNMENT_ABANDONED = "AssignmentAbandoned"
    ASSIGNMENT_RETURNED = "AssignmentReturned"
    ASSIGNMENT_SUBMITTED = "AssignmentSubmitted"
    ASSIGNMENT_REJECTED = "AssignmentRejected"
    ASSIGNMENT_APPROVED = "AssignmentApproved"
    HIT_CREATED = "HITCreated"
    HIT_EXPIRED = "HITExpired"
    HIT_REVIEWABLE = "HITReviewable"
    HIT_EXTENDED = "HITExtended"
    HIT_DISPOSED = "HITDisposed"
    PING = "Ping"


async def record(
    database: Database, session: Session, hit: Hit, now: datetime, *events: Event, of: Assignment | None = None
) -> None:
    """Part of each move: puts those of its events into the outbox that the HIT's type has active settings for."""
    wanted = {"_id": hit["hit_type"], "active": True, "events": {"$in": [str(event) for event in events]}}
    settings = await database.notification_settings.find_one(wanted, session=session)
    if settings is None:
        return
    messages = [
        message(settings, _event(event, hit, of, now), now) for event in events if str(event) in settings["events"]
    ]
    await database.outbox.insert_many(messages, session=session)


def message(settings: Document, event: dict[str, str], now: datetime) -> Document:
    """One event as it waits in the outbox, with the body that is sent. Its id is the EventDocId, however often."""
    identifier = new_id()
    body = {
        "Events": [event],
        "EventDocId": identifier,
        "SourceAccount": settings["requester"],
        "CustomerId": settings["requester"],
        "EventDocVersion": DOCUMENT_VERSION,
    }
    return {
        "_id": identifier,
        "requester": settings["requester"],
        "transport": settings["transport"],
        "destination": settings["destination"],
        "event": event["EventType"],
        "body": json.dumps(body),
        "at": now,
        "due_at": now,
        "attempts": 0,
    }


def happened(event: str, now: datetime) -> dict[str, str]:
    """What every event says: what it was, and when."""
    return {"EventType": event, "EventTimestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _event(event: Event, hit: Hit, assignment: Assignment | None, now: datetime) -> dict[str, str]:
    about = {"HITGroupId": hit["group"], "HITId": hit["_id"], "HITTypeId": hit["hit_type"], **happened(event, now)}
    if assignment is not None and event.startswith("Assignment"):
        about |= {"AssignmentId": assignment["_id"], "WorkerId": assignment["worker"]}
    return about


def reviewable(hit: Hit) -> list[Event]:
    """HITReviewable if the HIT, as a move left it, waits for nobody any more."""
    over = hit["pending"] == 0 and (hit["expired"] or hit["available"] == 0)
    return [Event.HIT_REVIEWABLE] if over else []


async def settings_of(database: Database, hit_type: str) -> dict[str, Any] | None:
    """The notification settings of a HIT type, active or not."""
    return await database.notification_settings.find_one({"_id": hit_type})
