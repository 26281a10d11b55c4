"""Reading and reviewing what workers submitted."""

import re
from typing import Any

from workers.turk import lifecycle
from workers.turk.errors import InvalidParameter
from workers.turk.operations.call import Call, after, page, page_size
from workers.turk.operations.hits import hit_reply
from workers.turk.states import LISTED, Assignment

MAX_FEEDBACK = 1_024
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def assignment_reply(assignment: Assignment) -> dict[str, Any]:
    """The Assignment structure of the API."""
    return {
        "AssignmentId": assignment["_id"],
        "WorkerId": assignment["worker"],
        "HITId": assignment["hit"],
        "AssignmentStatus": assignment["state"],
        "AutoApprovalTime": assignment.get("auto_approval_at"),
        "AcceptTime": assignment["accepted_at"],
        "SubmitTime": assignment.get("submitted_at"),
        "ApprovalTime": assignment.get("approved_at"),
        "RejectionTime": assignment.get("rejected_at"),
        "Deadline": assignment["deadline"],
        "Answer": assignment.get("answer"),
        "RequesterFeedback": assignment.get("feedback"),
    }


async def list_assignments(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListAssignmentsForHIT: submitted, approved and rejected ones, in the order of their submission."""
    hit = await call.hit(parameters["HITId"])
    states = parameters.get("AssignmentStatuses") or [str(state) for state in LISTED]
    query: dict[str, Any] = {"hit": hit["_id"], "state": {"$in": states}, **after(parameters)}
    cursor = call.database.assignments.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [(assignment["order"], assignment_reply(assignment)) async for assignment in cursor]
    return page("Assignments", parameters, found)


async def get_assignment(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """GetAssignment: the assignment and its HIT; one still in progress is refused."""
    found = await call.submitted_assignment(parameters["AssignmentId"])
    hit = await call.hit(found["hit"])
    return {"Assignment": assignment_reply(found), "HIT": hit_reply(hit, call.now)}


async def approve_assignment(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ApproveAssignment: pays. A second call fails: Approved is final."""
    feedback = _feedback(parameters)
    override = parameters.get("OverrideRejection", False)
    found = await call.submitted_assignment(parameters["AssignmentId"])
    if override:
        hit = await call.hit(found["hit"])
        override = not hit["disposed"]
        await call.open_account()
    await lifecycle.approve(call.database, found["_id"], feedback, call.now, override=override)
    return {}


async def reject_assignment(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """RejectAssignment: does not pay; the feedback is shown to the worker."""
    feedback = _feedback(parameters)
    if feedback is None or not feedback.strip():
        raise InvalidParameter("RequesterFeedback is required: the worker must learn why.")
    found = await call.submitted_assignment(parameters["AssignmentId"])
    await lifecycle.reject(call.database, found["_id"], feedback, call.now)
    return {}


def _feedback(parameters: dict[str, Any]) -> str | None:
    feedback: str | None = parameters.get("RequesterFeedback")
    if feedback is not None and len(feedback) > MAX_FEEDBACK:
        raise InvalidParameter(f"RequesterFeedback may have at most {MAX_FEEDBACK} characters.")
    if feedback is not None and _CONTROL.search(feedback):
        raise InvalidParameter("RequesterFeedback contains control characters.")
    return feedback
