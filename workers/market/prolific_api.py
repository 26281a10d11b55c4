"""The shapes of Prolific's API, both ways. Pure functions; money is in cents of the workspace's currency."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from workers.market.protocol import (
    HitOrder,
    HitState,
    HitStatus,
    MarketAssignment,
    MarketBonus,
    ReviewState,
    with_reference,
)

SITE = "https://app.prolific.com"
MAX_TITLE = 120

SHORTEST_REASON = 100
"""Characters that a rejection has to say at least."""

AT_WORK = frozenset({"RESERVED", "ACTIVE"})
WAITING = "AWAITING REVIEW"
PAID = frozenset({"APPROVED", "PARTIALLY APPROVED", "SCREENED OUT"})
REJECTED = "REJECTED"
"""A place that was returned, timed out or rejected is open to somebody else again."""

DRAFT = "UNPUBLISHED"
RUNNING = frozenset({"ACTIVE", "PUBLISHING", "SCHEDULED"})

PLACEHOLDERS = {"assignmentId": "SESSION_ID", "workerId": "PROLIFIC_PID", "hitId": "STUDY_ID"}
"""Parameters of the task page, and what Prolific puts in when somebody starts."""

_REFERENCE = re.compile(r"A bonus of \$(\d+)\.(\d\d) for submission (\S+): .* \(reference (\S+)\)", re.DOTALL)


def study(order: HitOrder, project: str, blocklist: str) -> dict[str, Any]:
    """The body that makes a draft: a third of the time that is allowed is what the work is said to take."""
    minutes = max(2, order.duration_s // 60)
    return {
        "name": order.title_within(MAX_TITLE),
        "internal_name": order.annotation,
        "description": order.description,
        "external_study_url": study_url(order.question_url),
        "prolific_id_option": "url_parameters",
        "completion_codes": [
            {"code": order.completion_code, "code_type": "COMPLETED", "actions": [{"action": "MANUALLY_REVIEW"}]}
        ],
        "total_available_places": order.assignments,
        "estimated_completion_time": max(1, minutes // 3),
        "maximum_allowed_time": minutes,
        "reward": order.reward_cents,
        "device_compatibility": ["desktop", "tablet", "mobile"],
        "project": project,
        "filters": [{"filter_id": "participant_group_blocklist", "selected_values": [blocklist]}],
    }


def study_url(url: str) -> str:
    """The task page's address with what it has to be told: who comes, and where to send them in the end."""
    told = "&".join(f"{name}={{{{%{value}%}}}}" for name, value in PLACEHOLDERS.items())
    return f"{url}{'&' if '?' in url else '?'}{told}&{urlencode({'turkSubmitTo': SITE})}"


def rejection(reason: str) -> str:
    """A reason that is as long as Prolific wants it."""
    text = reason.strip()
    if len(text) < SHORTEST_REASON:
        text = f"{text} If you think that this is a mistake, please write to us here: a person looks at it again."
    return text.ljust(SHORTEST_REASON, ".")


def hit_status(found: Mapping[str, Any], submissions: Iterable[Mapping[str, Any]]) -> HitStatus:
    """A study with its submissions as a HIT."""
    states = [str(one["status"]) for one in submissions]
    pending = sum(state in AT_WORK for state in states)
    reviewed = sum(state in PAID or state == REJECTED for state in states)
    taken = sum(state in AT_WORK or state in PAID or state == WAITING for state in states)
    places = int(found["total_available_places"])
    available = max(0, places - taken) if found["status"] in RUNNING else 0
    state: HitState = "assignable" if available else "unassignable" if pending else "reviewable"
    return HitStatus(
        hit=found["id"],
        annotation=found.get("internal_name") or "",
        state=state,
        pending=pending,
        available=available,
        completed=reviewed,
        max_assignments=places,
    )


def review_state(status: str) -> ReviewState | None:
    """How a submission's status reads to us; ``None`` where there is nothing to review."""
    if status in PAID:
        return "approved"
    return "rejected" if status == REJECTED else "submitted" if status == WAITING else None


def market_assignment(hit: str, submission: Mapping[str, Any]) -> MarketAssignment | None:
    """A submission that came in, whatever became of it."""
    state = review_state(submission["status"])
    if state is None:
        return None
    started = submission["started_at"]
    return MarketAssignment(
        id=submission["id"],
        hit=hit,
        annotator=submission["participant_id"],
        state=state,
        fields={"code": submission["study_code"]} if submission.get("study_code") else {},
        accepted_at=datetime.fromisoformat(started),
        submitted_at=datetime.fromisoformat(submission.get("completed_at") or started),
    )


def announcement(cents: int, submission: str, reason: str, token: str) -> str:
    """What is written to somebody before a bonus is paid: Prolific tells them no reason, and us no token."""
    return f"A bonus of ${cents // 100}.{cents % 100:02d} for submission {submission}: {with_reference(reason, token)}"


def announced(bodies: Iterable[str], submission: str) -> dict[str, int]:
    """Token -> cents of the bonuses that were announced for a submission."""
    found = (match for body in bodies if (match := _REFERENCE.search(body)) and match[3] == submission)
    return {match[4]: int(match[1]) * 100 + int(match[2]) for match in found}


def market_bonuses(submission: Mapping[str, Any], tokens: Mapping[str, int]) -> list[MarketBonus]:
    """The bonuses of a submission, each with a token that was announced for its amount."""
    left, found = dict(tokens), []
    for paid in submission.get("bonus_payments") or []:
        token = next((name for name, cents in left.items() if cents == round(paid)), "")
        left.pop(token, None)
        values = {"assignment": submission["id"], "annotator": submission["participant_id"]}
        found.append(MarketBonus(**values, cents=round(paid), token=token))
    return found
