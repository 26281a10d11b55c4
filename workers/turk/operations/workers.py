"""Blocking workers and writing to them."""

from typing import Any

from workers.turk import threads
from workers.turk.errors import InvalidParameter
from workers.turk.identifiers import new_id, order_key
from workers.turk.operations.call import Call, after, page, page_size
from workers.turk.states import AssignmentState

MAX_RECIPIENTS = 100
DECIDED = [str(AssignmentState.APPROVED), str(AssignmentState.REJECTED)]


async def create_worker_block(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateWorkerBlock: this worker accepts no more of the requester's HITs. A repeat only renews the reason."""
    reason = parameters["Reason"].strip()
    if not reason:
        raise InvalidParameter("Reason is required; the worker does not see it.")
    first = {
        "requester": call.requester,
        "worker": parameters["WorkerId"],
        "order": order_key(call.now, new_id()),
        "at": call.now,
    }
    await call.database.blocks.update_one(
        {"_id": _key(call, parameters["WorkerId"])}, {"$set": {"reason": reason}, "$setOnInsert": first}, upsert=True
    )
    return {}


async def delete_worker_block(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """DeleteWorkerBlock: fine for a worker who is not blocked."""
    await call.database.blocks.delete_one({"_id": _key(call, parameters["WorkerId"])})
    return {}


async def list_worker_blocks(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListWorkerBlocks: of this requester, in the order in which they were made."""
    query: dict[str, Any] = {"requester": call.requester, **after(parameters)}
    cursor = call.database.blocks.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [(block["order"], {"WorkerId": block["worker"], "Reason": block["reason"]}) async for block in cursor]
    return page("WorkerBlocks", parameters, found)


async def notify_workers(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """NotifyWorkers: a message for each worker whose work this requester has approved or rejected before.

    Others are named in the reply. A repeat is another message: the API has no token for it.
    """
    subject, text, workers = parameters["Subject"], parameters["MessageText"], parameters["WorkerIds"]
    if not subject.strip() or len(subject) > threads.MAX_SUBJECT:
        raise InvalidParameter(f"Subject must have 1 to {threads.MAX_SUBJECT} characters.")
    if not text.strip() or len(text) > threads.MAX_TEXT:
        raise InvalidParameter(f"MessageText must have 1 to {threads.MAX_TEXT} characters.")
    if not 1 <= len(workers) <= MAX_RECIPIENTS:
        raise InvalidParameter(f"WorkerIds must name 1 to {MAX_RECIPIENTS} workers.")
    wanted = list(dict.fromkeys(workers))
    worked = {"worker": {"$in": wanted}, "requester": call.requester, "state": {"$in": DECIDED}}
    known = set(await call.database.assignments.distinct("worker", worked))
    messages = [
        threads.message(call.requester, worker, threads.Side.REQUESTER, subject, text, call.now)
        for worker in wanted
        if worker in known
    ]
    if messages:
        await call.database.messages.insert_many(messages)
    failures = [
        {
            "NotifyWorkersFailureCode": "HardFailure",
            "NotifyWorkersFailureMessage": "You have not approved or rejected any work of this worker.",
            "WorkerId": worker,
        }
        for worker in wanted
        if worker not in known
    ]
    return {"NotifyWorkersFailureStatuses": failures}


def _key(call: Call, worker: str) -> str:
    return f"{call.requester}/{worker}"
