"""HITs, assignments and their states. Pure: documents and a moment in, states and counters out.

A HIT keeps four counters that add up to ``max_assignments``:

    available   nobody has it        pending     accepted, not yet submitted, returned or abandoned
    submitted   waiting for review   completed   approved or rejected

Its status is computed from them (MTurk's HIT states):

    open and available > 0                        Assignable
    pending > 0                                   Unassignable
    else                                          Reviewable, or Reviewing when the requester marked it
    deleted, or 120 days after its expiry         Disposed
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

DISPOSAL_DELAY = timedelta(days=120)
OVERRIDE_WINDOW = timedelta(days=30)


class HitStatus(StrEnum):
    """The five states of a HIT, as the API spells them."""

    ASSIGNABLE = "Assignable"
    UNASSIGNABLE = "Unassignable"
    REVIEWABLE = "Reviewable"
    REVIEWING = "Reviewing"
    DISPOSED = "Disposed"


class AssignmentState(StrEnum):
    """The states of an assignment. The API shows the middle three only."""

    IN_PROGRESS = "InProgress"
    SUBMITTED = "Submitted"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    RETURNED = "Returned"
    ABANDONED = "Abandoned"


LISTED = (AssignmentState.SUBMITTED, AssignmentState.APPROVED, AssignmentState.REJECTED)
"""What a requester can see. An assignment in progress exists for its worker only."""


class Hit(TypedDict):
    """A HIT as stored. ``expired`` and ``disposed`` are set by moves; ``due_at`` is when time moves it next."""

    _id: str
    requester: str
    order: str
    hit_type: str
    group: str
    title: str
    description: str
    keywords: str
    reward: int
    fee: int
    duration: int
    auto_approval_delay: int
    question: str
    annotation: str | None
    created_at: datetime
    expires_at: datetime
    due_at: datetime | None
    expired: bool
    disposed: bool
    reviewing: bool
    max_assignments: int
    available: int
    pending: int
    submitted: int
    completed: int
    policies: NotRequired[dict[str, Any]]
    review_due: NotRequired[str]
    requirements: NotRequired[list[dict[str, Any]]]


class Assignment(TypedDict):
    """An assignment as stored. ``live`` is absent once returned or abandoned; ``due_at`` is when time moves it next."""

    _id: str
    hit: str
    requester: str
    worker: str
    state: str
    title: str
    reward: int
    fee: int
    auto_approval_delay: int
    accepted_at: datetime
    deadline: datetime
    due_at: datetime | None
    live: NotRequired[bool]
    order: NotRequired[str]
    submitted_at: NotRequired[datetime]
    auto_approval_at: NotRequired[datetime]
    approved_at: NotRequired[datetime]
    rejected_at: NotRequired[datetime]
    answer: NotRequired[str]
    feedback: NotRequired[str]
    known_score: NotRequired[int]


def is_open(hit: Hit, now: datetime) -> bool:
    """Whether the HIT's lifetime still runs."""
    return not hit["disposed"] and not hit["expired"] and now < hit["expires_at"]


def hit_status(hit: Hit, now: datetime) -> HitStatus:
    """The HIT's state at this moment."""
    if hit["disposed"]:
        return HitStatus.DISPOSED
    if is_open(hit, now) and hit["available"] > 0:
        return HitStatus.ASSIGNABLE
    if hit["pending"] > 0:
        return HitStatus.UNASSIGNABLE
    return HitStatus.REVIEWING if hit["reviewing"] else HitStatus.REVIEWABLE


def price(work: Hit | Assignment) -> int:
    """What one assignment costs the requester: reward and fee, in cents."""
    return work["reward"] + work["fee"]


def held(hit: Hit) -> int:
    """Cents on hold for this HIT: every slot that may still have to be paid."""
    unfilled = 0 if hit["expired"] or hit["disposed"] else hit["available"]
    return price(hit) * (unfilled + hit["pending"] + hit["submitted"])
