"""Which workers have a qualification, who asks for one, and the HITs that ask for it."""

from typing import Any

from workers.turk import granting, lifecycle
from workers.turk.database import Document
from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.operations.call import Call, after, page, page_size
from workers.turk.operations.hits import hit_reply
from workers.turk.operations.qualification_types import find_type
from workers.turk.qualifying import SYSTEM

MAX_REASON = 1_024


def qualification_reply(held: Document) -> dict[str, Any]:
    """The Qualification structure of the API."""
    return {
        "QualificationTypeId": held["type"],
        "WorkerId": held["worker"],
        "GrantTime": held["granted_at"],
        "IntegerValue": held["value"],
        "Status": held["status"],
    }


async def associate(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """AssociateQualificationWithWorker: asked for or not; a repeat changes the value."""
    kind = await find_type(call, parameters["QualificationTypeId"], own=True)
    value, tell = parameters.get("IntegerValue", 1), parameters.get("SendNotification", True)
    await granting.grant(call.database, kind, parameters["WorkerId"], value, call.now, tell=tell)
    return {}


async def disassociate(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """DisassociateQualificationFromWorker: the worker is told, with the reason."""
    kind = await find_type(call, parameters["QualificationTypeId"], own=True)
    await granting.revoke(call.database, kind, parameters["WorkerId"], _reason(parameters), call.now)
    return {}


async def get_score(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """GetQualificationScore: the value that a worker has; one that was taken back is refused with Amazon's words."""
    kind = await find_type(call, parameters["QualificationTypeId"], own=True)
    held = await call.database.qualifications.find_one({"_id": granting.key(kind["_id"], parameters["WorkerId"])})
    if held is None or held.get("status") != granting.GRANTED:
        raise granting.not_granted(held)
    return {"Qualification": qualification_reply(held)}


async def list_workers(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListWorkersWithQualificationType: who has it, or with Status Revoked who had it."""
    kind = await find_type(call, parameters["QualificationTypeId"], own=True)
    status = parameters.get("Status", granting.GRANTED)
    query: dict[str, Any] = {"type": kind["_id"], "status": status, **after(parameters)}
    cursor = call.database.qualifications.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [(held["order"], qualification_reply(held)) async for held in cursor]
    return page("Qualifications", parameters, found)


async def list_requests(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListQualificationRequests: those that wait for the requester, of one type or all, the oldest first."""
    query: dict[str, Any] = {"requester": call.requester, "state": granting.PENDING, **after(parameters)}
    if "QualificationTypeId" in parameters:
        query["type"] = (await find_type(call, parameters["QualificationTypeId"], own=True))["_id"]
    cursor = call.database.qualification_requests.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [
        (
            request["order"],
            {
                "QualificationRequestId": request["_id"],
                "QualificationTypeId": request["type"],
                "WorkerId": request["worker"],
                "Test": request["test"],
                "Answer": request["answer"],
                "SubmitTime": request["submitted_at"],
            },
        )
        async for request in cursor
    ]
    return page("QualificationRequests", parameters, found)


async def accept_request(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """AcceptQualificationRequest: grants it, with the value 1 unless another is given."""
    request, kind = await _request(call, parameters)
    value = parameters.get("IntegerValue", 1)
    await granting.decide(call.database, request, kind, call.now, value=value, reason=None)
    return {}


async def reject_request(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """RejectQualificationRequest: the worker is told, with the reason if there is one."""
    request, kind = await _request(call, parameters)
    await granting.decide(call.database, request, kind, call.now, value=None, reason=_reason(parameters))
    return {}


async def list_hits(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListHITsForQualificationType: the requester's HITs, not deleted, that ask for the type."""
    identifier = parameters["QualificationTypeId"]
    if identifier not in SYSTEM:
        await find_type(call, identifier, own=False)
    await lifecycle.catch_up(call.database, call.now, {"requester": call.requester})
    query: dict[str, Any] = {"requester": call.requester, "disposed": False, **after(parameters)}
    query["requirements.QualificationTypeId"] = identifier
    cursor = call.database.hits.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    return page("HITs", parameters, [(hit["order"], hit_reply(hit, call.now)) async for hit in cursor])


async def _request(call: Call, parameters: dict[str, Any]) -> tuple[Document, Document]:
    identifier = parameters["QualificationRequestId"]
    wanted = {"_id": identifier, "requester": call.requester}
    request = await call.database.qualification_requests.find_one(wanted)
    if request is None:
        raise RequestRefused(
            "AWS.MechanicalTurk.QualificationRequestDoesNotExist",
            f"QualificationRequest {identifier[:64]} does not exist.",
        )
    kind = await call.database.qualification_types.find_one({"_id": request["type"]})
    assert kind is not None
    return request, kind


def _reason(parameters: dict[str, Any]) -> str | None:
    reason: str | None = parameters.get("Reason")
    if reason is not None and len(reason) > MAX_REASON:
        raise InvalidParameter(f"Reason may have at most {MAX_REASON} characters.")
    return reason
