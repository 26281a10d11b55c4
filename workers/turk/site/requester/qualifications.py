"""A requester's qualifications: the types, who has them, who asks for one."""

from starlette.responses import Response
from starlette.routing import Route

from workers.turk.errors import FormRefused
from workers.turk.site.requester.desk import Desk, at_desk
from workers.turk.site.requester.hits import answers_of, names

MOST = 100
"""Rows of a page: as many as the API gives at once."""


async def types(desk: Desk) -> Response:
    """GET /requester/qualifications: my types, and the requests that wait for me."""
    mine = {"MustBeRequestable": False, "MustBeOwnedByCaller": True, "MaxResults": MOST}
    after = desk.request.query_params.get("after") or None
    found = await desk.call("ListQualificationTypes", **mine, NextToken=after)
    requests = (await desk.call("ListQualificationRequests", MaxResults=MOST))["QualificationRequests"]
    titles = {kind["QualificationTypeId"]: kind["Name"] for kind in found["QualificationTypes"]}
    context = {
        "types": found["QualificationTypes"],
        "following": found["NextToken"],
        "requests": [(each, answers_of(each.get("Answer") or "")) for each in requests],
        "titles": titles,
        "names": await names(desk, [each["WorkerId"] for each in requests]),
    }
    return desk.render("qualifications.html", context)


async def kind(desk: Desk) -> Response:
    """GET /requester/qualifications/{type_id}: one type and who has it."""
    identifier = desk.request.path_params["type_id"]
    found = (await desk.call("GetQualificationType", QualificationTypeId=identifier))["QualificationType"]
    after = desk.request.query_params.get("after") or None
    reply = await desk.call(
        "ListWorkersWithQualificationType", QualificationTypeId=identifier, MaxResults=MOST, NextToken=after
    )
    context = {
        "kind": found,
        "held": reply["Qualifications"],
        "following": reply["NextToken"],
        "names": await names(desk, [held["WorkerId"] for held in reply["Qualifications"]]),
    }
    return desk.render("qualification.html", context)


async def create(desk: Desk) -> Response:
    """POST /requester/qualifications: a type without a test. Those with one are made by programs."""
    reply = await desk.call(
        "CreateQualificationType",
        Name=desk.field("name"),
        Description=desk.field("description"),
        QualificationTypeStatus="Active" if desk.field("requestable") else "Inactive",
    )
    return desk.back(
        f"/qualifications/{reply['QualificationType']['QualificationTypeId']}", "The qualification is made."
    )


async def grant(desk: Desk) -> Response:
    """POST /requester/qualifications/{type_id}/grant: gives it to a worker, or changes the value that she has."""
    identifier = desk.request.path_params["type_id"]
    worker, value = desk.field("worker"), desk.number("value", "The value")
    if await desk.marketplace.database.workers.find_one({"_id": worker}, {"_id": 1}) is None:
        raise FormRefused(400, "Nobody has this WorkerId.", "It is on the page of the worker, and begins with A.")
    given = {"QualificationTypeId": identifier, "WorkerId": worker, "IntegerValue": value}
    await desk.call("AssociateQualificationWithWorker", **given)
    return desk.back(f"/qualifications/{identifier}", "The qualification is given.")


async def take(desk: Desk) -> Response:
    """POST /requester/qualifications/{type_id}/take: takes it from a worker, who is told why if a reason is given."""
    identifier = desk.request.path_params["type_id"]
    worker, reason = desk.field("worker"), desk.field("reason") or None
    given = {"QualificationTypeId": identifier, "WorkerId": worker, "Reason": reason}
    await desk.call("DisassociateQualificationFromWorker", **given)
    return desk.back(f"/qualifications/{identifier}", "The qualification is taken back.")


async def switch(desk: Desk) -> Response:
    """POST /requester/qualifications/{type_id}/status: whether workers can ask for it."""
    identifier = desk.request.path_params["type_id"]
    await desk.call(
        "UpdateQualificationType", QualificationTypeId=identifier, QualificationTypeStatus=desk.field("status")
    )
    return desk.back(f"/qualifications/{identifier}", "That is changed.")


async def delete(desk: Desk) -> Response:
    """POST /requester/qualifications/{type_id}/delete."""
    await desk.call("DeleteQualificationType", QualificationTypeId=desk.request.path_params["type_id"])
    return desk.back("/qualifications", "The qualification is deleted.")


async def decide(desk: Desk) -> Response:
    """POST /requester/qualification-requests/{request_id}: grants what a worker asks for, or says no."""
    identifier, decision = desk.request.path_params["request_id"], desk.field("decision")
    if decision == "accept":
        value = desk.number("value", "The value")
        await desk.call("AcceptQualificationRequest", QualificationRequestId=identifier, IntegerValue=value)
    elif decision == "reject":
        reason = desk.field("reason") or None
        await desk.call("RejectQualificationRequest", QualificationRequestId=identifier, Reason=reason)
    else:
        raise FormRefused(400, "Yes or no?", "Go back and press one of the buttons.")
    return desk.back("/qualifications", "The request is answered.")


ROUTES = [
    Route("/requester/qualifications", at_desk(types), methods=["GET"]),
    Route("/requester/qualifications", at_desk(create), methods=["POST"]),
    Route("/requester/qualifications/{type_id}", at_desk(kind), methods=["GET"]),
    Route("/requester/qualifications/{type_id}/grant", at_desk(grant), methods=["POST"]),
    Route("/requester/qualifications/{type_id}/take", at_desk(take), methods=["POST"]),
    Route("/requester/qualifications/{type_id}/status", at_desk(switch), methods=["POST"]),
    Route("/requester/qualifications/{type_id}/delete", at_desk(delete), methods=["POST"]),
    Route("/requester/qualification-requests/{request_id}", at_desk(decide), methods=["POST"]),
]
