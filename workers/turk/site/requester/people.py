"""The people who worked for a requester: counts, blocks, messages, appeals, and invitations of more people."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from workers.turk import appeals, invitations, threads
from workers.turk.database import Document
from workers.turk.errors import FormRefused, NotThere
from workers.turk.site.requester.desk import PAGE, Desk, at_desk
from workers.turk.site.requester.hits import names
from workers.turk.states import LISTED, AssignmentState
from workers.turk.threads import Side


async def workers(desk: Desk) -> Response:
    """GET /requester/workers: who worked for this requester, those with most work first."""
    rows, page = await _counts(desk, None), desk.page()
    known = await names(desk, [row["_id"] for row in rows])
    context = {"rows": rows[:PAGE], "more": len(rows) > PAGE, "page": page, "names": known}
    return desk.render("workers.html", {**context, "blocked": await _blocks(desk, [row["_id"] for row in rows])})


async def worker(desk: Desk) -> Response:
    """GET /requester/workers/{worker_id}: what this worker did for the requester, and the block."""
    identifier = desk.request.path_params["worker_id"]
    rows, blocked = await _counts(desk, identifier), await _blocks(desk, [identifier])
    if not rows and not blocked:
        raise NotThere("This worker has done nothing for you.")
    mine: dict[str, Any] = {"requester": desk.requester, "worker": identifier, "state": {"$in": list(LISTED)}}
    cursor = desk.marketplace.database.assignments.find(mine, {"answer": 0}).sort("accepted_at", -1).limit(PAGE)
    context = {
        "worker": identifier,
        "name": (await names(desk, [identifier])).get(identifier, ""),
        "row": rows[0] if rows else None,
        "block": blocked.get(identifier),
        "work": await cursor.to_list(),
    }
    return desk.render("worker.html", context)


async def _counts(desk: Desk, worker: str | None) -> list[Document]:
    one = {"worker": worker} if worker is not None else {}
    count = {str(state): {"$sum": {"$cond": [{"$eq": ["$state", str(state)]}, 1, 0]}} for state in LISTED}
    paid = {"$sum": {"$cond": [{"$eq": ["$state", str(AssignmentState.APPROVED)]}, "$reward", 0]}}
    pipeline: list[dict[str, Any]] = [
        {"$match": {"requester": desk.requester, "state": {"$in": [str(state) for state in LISTED]}, **one}},
        {"$group": {"_id": "$worker", **count, "all": {"$sum": 1}, "paid": paid}},
        {"$sort": {"all": -1, "_id": 1}},
        {"$skip": (desk.page() - 1) * PAGE if worker is None else 0},
        {"$limit": PAGE + 1},
    ]
    found: list[Document] = await (await desk.marketplace.database.assignments.aggregate(pipeline)).to_list()  # type: ignore[assignment]
    for row in found:
        decided = row["Approved"] + row["Rejected"]
        row["rate"] = 100 * row["Approved"] // decided if decided else None
    return found


async def _blocks(desk: Desk, workers: list[str]) -> dict[str, Document]:
    wanted = {"requester": desk.requester, "worker": {"$in": workers}}
    return {block["worker"]: block async for block in desk.marketplace.database.blocks.find(wanted)}


async def block(desk: Desk) -> Response:
    """POST /requester/workers/{worker_id}/block: this worker accepts no more of the requester's HITs."""
    identifier = desk.request.path_params["worker_id"]
    await desk.call("CreateWorkerBlock", WorkerId=identifier, Reason=desk.field("reason"))
    return desk.back(f"/workers/{identifier}", "The worker is blocked.")


async def unblock(desk: Desk) -> Response:
    """POST /requester/workers/{worker_id}/unblock."""
    identifier = desk.request.path_params["worker_id"]
    await desk.call("DeleteWorkerBlock", WorkerId=identifier)
    return desk.back(f"/workers/{identifier}", "The worker is not blocked any more.")


async def write(desk: Desk) -> Response:
    """POST /requester/workers/{worker_id}/message: begins a thread with somebody who worked for this requester."""
    identifier = desk.request.path_params["worker_id"]
    reply = await desk.call(
        "NotifyWorkers", Subject=desk.field("subject"), MessageText=desk.field("text"), WorkerIds=[identifier]
    )
    for failure in reply["NotifyWorkersFailureStatuses"]:
        raise FormRefused(400, failure["NotifyWorkersFailureMessage"], "Review a submission first, then write.")
    return desk.back(f"/workers/{identifier}", "The message is sent.")


async def messages(desk: Desk) -> Response:
    """GET /requester/messages: the threads, the newest first."""
    found = await threads.threads(desk.marketplace.database, Side.REQUESTER, desk.requester)
    known = await names(desk, [thread["worker"] for thread in found])
    return desk.render("messages.html", {"threads": found, "names": known})


async def thread(desk: Desk) -> Response:
    """GET /requester/messages/{thread}: its messages, which from now on count as read."""
    identifier = desk.request.path_params["thread"]
    found = await threads.thread(desk.marketplace.database, Side.REQUESTER, desk.requester, identifier)
    known = await names(desk, [found[0]["worker"]])
    return desk.render("thread.html", {"messages": found, "names": known, "longest": threads.MAX_TEXT})


async def reply(desk: Desk) -> Response:
    """POST /requester/messages/{thread}: adds a message."""
    identifier, database = desk.request.path_params["thread"], desk.marketplace.database
    await threads.reply(database, Side.REQUESTER, desk.requester, identifier, desk.field("text"), desk.now)
    return desk.back(f"/messages/{identifier}", "The message is sent.")


async def appealed(desk: Desk) -> Response:
    """GET /requester/appeals: those without an answer first, then the others."""
    database = desk.marketplace.database
    waiting = await appeals.of_requester(database, desk.requester, desk.now, waiting=True)
    answered = [each for each in await appeals.of_requester(database, desk.requester, desk.now) if each["answered_at"]]
    known = await names(desk, [each["worker"] for each in [*waiting, *answered]])
    context = {"waiting": waiting, "answered": answered, "names": known, "longest": appeals.MAX_TEXT}
    return desk.render("appeals.html", context)


async def answer_appeal(desk: Desk) -> Response:
    """POST /requester/appeals/{assignment_id}: approves and pays, or explains why not."""
    decision = desk.field("decision")
    if decision not in {"approve", "stay"}:
        raise FormRefused(400, "Approve, or let the rejection stay?", "Go back and press one of the buttons.")
    await appeals.answer(
        desk.marketplace.database,
        desk.requester,
        desk.request.path_params["assignment_id"],
        desk.field("text"),
        desk.now,
        accept=decision == "approve",
    )
    return desk.back("/appeals", "The appeal is answered.")


async def invited(desk: Desk) -> Response:
    """GET /requester/invitations: links by which people sign up, with how often each was used."""
    found = await invitations.of_requester(desk.marketplace.database, desk.requester)
    rows = [(each, invitations.path(each["_id"]), invitations.is_open(each, desk.now)) for each in found]
    context = {
        "rows": rows,
        "url": desk.marketplace.settings.public_url,
        "kind": desk.marketplace.settings.sign_up,
        "until": (desk.now + timedelta(days=14)).strftime("%Y-%m-%d"),
        "most": invitations.MAX_USES,
        "longest": invitations.MAX_NOTE,
    }
    return desk.render("invitations.html", context)


async def invite(desk: Desk) -> Response:
    """POST /requester/invitations: a new link, until the end of a day (UTC)."""
    try:
        until = datetime.strptime(desk.field("until"), "%Y-%m-%d").replace(hour=23, minute=59, tzinfo=UTC)
    except ValueError:
        raise FormRefused(400, "A day is written like 2026-11-28.", "Go back and choose one.") from None
    uses = desk.number("uses", "The number of people")
    await invitations.make(
        desk.marketplace.database, desk.requester, desk.now, uses=uses, until=until, note=desk.field("note")
    )
    return desk.back("/invitations", "The invitation is made. Copy its link from the list.")


async def uninvite(desk: Desk) -> Response:
    """POST /requester/invitations/{token}/revoke."""
    await invitations.revoke(desk.marketplace.database, desk.requester, desk.request.path_params["token"], desk.now)
    return desk.back("/invitations", "Nobody can sign up with this invitation any more.")


ROUTES = [
    Route("/requester/workers", at_desk(workers), methods=["GET"]),
    Route("/requester/workers/{worker_id}", at_desk(worker), methods=["GET"]),
    Route("/requester/workers/{worker_id}/block", at_desk(block), methods=["POST"]),
    Route("/requester/workers/{worker_id}/unblock", at_desk(unblock), methods=["POST"]),
    Route("/requester/workers/{worker_id}/message", at_desk(write), methods=["POST"]),
    Route("/requester/messages", at_desk(messages), methods=["GET"]),
    Route("/requester/messages/{thread}", at_desk(thread), methods=["GET"]),
    Route("/requester/messages/{thread}", at_desk(reply), methods=["POST"]),
    Route("/requester/appeals", at_desk(appealed), methods=["GET"]),
    Route("/requester/appeals/{assignment_id}", at_desk(answer_appeal), methods=["POST"]),
    Route("/requester/invitations", at_desk(invited), methods=["GET"]),
    Route("/requester/invitations", at_desk(invite), methods=["POST"]),
    Route("/requester/invitations/{token}/revoke", at_desk(uninvite), methods=["POST"]),
]
