"""A requester's HITs: the list by state, and one HIT with what workers sent, to be reviewed, paid, extended, ended."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from starlette.responses import Response
from starlette.routing import Route

from workers.turk import appeals, lifecycle, threads
from workers.turk.errors import FormRefused, NotThere, RequestRefused
from workers.turk.money import cents
from workers.turk.site.requester.desk import PAGE, Desk, at_desk
from workers.turk.states import LISTED, Hit, hit_status

FILTERS: Mapping[str, str] = {"all": "All", "open": "Open", "working": "Being worked on", "review": "To be reviewed"}


async def hits(desk: Desk) -> Response:
    """GET /requester: the HITs that are not deleted, newest first, by state and words of the title."""
    database, asked = desk.marketplace.database, desk.request.query_params
    await lifecycle.catch_up(database, desk.now, {"requester": desk.requester})
    state = asked.get("state", "all") if asked.get("state") in FILTERS else "all"
    words, page = asked.get("q", "").replace("\0", "").strip()[:100], desk.page()
    wanted = {"requester": desk.requester, "disposed": False, **_in_state(state, desk.now)}
    if words:
        wanted["title"] = {"$regex": re.escape(words), "$options": "i"}
    cursor = database.hits.find(wanted, {"question": 0}).sort("order", -1).skip((page - 1) * PAGE).limit(PAGE + 1)
    found = await cursor.to_list()
    balance = await desk.call("GetAccountBalance")
    context = {
        "hits": [(hit, hit_status(hit, desk.now)) for hit in found[:PAGE]],
        "more": len(found) > PAGE,
        "page": page,
        "state": state,
        "words": words,
        "filters": FILTERS,
        "balance": balance,
        "appeals": len(await appeals.of_requester(database, desk.requester, desk.now, waiting=True)),
        "unread": await threads.unread(database, threads.Side.REQUESTER, desk.requester),
    }
    return desk.render("hits.html", context)


def _in_state(state: str, now: datetime) -> dict[str, Any]:
    """The query of what ``hit_status`` says, for HITs that are not deleted."""
    if state == "open":
        return {"expired": False, "expires_at": {"$gt": now}, "available": {"$gt": 0}}
    if state == "working":
        return {"pending": {"$gt": 0}}
    return {"submitted": {"$gt": 0}} if state == "review" else {}


async def hit(desk: Desk) -> Response:
    """GET /requester/hits/{hit_id}: one HIT and its submissions."""
    return await _hit(desk, [])


async def _hit(desk: Desk, failures: list[str]) -> Response:
    found, page = await _own(desk), desk.page()
    asked = desk.request.query_params.get("state")
    state = next((each for each in LISTED if each == asked), None)
    wanted = {"hit": found["_id"], "state": {"$in": [state] if state else list(LISTED)}}
    database = desk.marketplace.database
    cursor = database.assignments.find(wanted).sort("order", 1).skip((page - 1) * PAGE).limit(PAGE + 1)
    rows = await cursor.to_list()
    shown = [row["_id"] for row in rows[:PAGE]]
    bonuses: dict[str, int] = {}
    async for bonus in database.bonuses.find({"assignment": {"$in": shown}}):
        bonuses[bonus["assignment"]] = bonuses.get(bonus["assignment"], 0) + bonus["amount"]
    context = {
        "hit": found,
        "status": hit_status(found, desk.now),
        "rows": [(row, answers_of(row.get("answer", ""))) for row in rows[:PAGE]],
        "more": len(rows) > PAGE,
        "page": page,
        "state": state,
        "states": LISTED,
        "bonuses": bonuses,
        "failures": failures,
        "names": await names(desk, [row["worker"] for row in rows]),
    }
    return desk.render("hit.html", context, status=400 if failures else 200)


def answers_of(xml: str) -> list[tuple[str, str]]:
    """Question and answer, in order, of what was stored with an assignment."""
    if not xml:
        return []
    found = []
    for answer in ElementTree.fromstring(xml.encode()):
        name, *values = [child.text or "" for child in answer]
        found.append((name, ", ".join(values)))
    return found


async def names(desk: Desk, workers: list[str]) -> dict[str, str]:
    """The names of workers by WorkerId: on this marketplace people know each other."""
    cursor = desk.marketplace.database.workers.find({"_id": {"$in": workers}}, {"name": 1})
    return {worker["_id"]: worker["name"] async for worker in cursor}


async def review(desk: Desk) -> Response:
    """POST /requester/hits/{hit_id}/review: one decision for each chosen assignment. The page names what failed."""
    hit_id, feedback = (await _own(desk))["_id"], desk.field("feedback") or None
    chosen = [value for name, value in desk.fields if name == "assignment"]
    if not chosen:
        raise FormRefused(400, "No submission is chosen.", "Go back and tick the ones that you mean.")
    decision, failures = desk.field("decision"), []
    if decision not in {"approve", "reject"}:
        raise FormRefused(400, "Approve or reject?", "Go back and press one of the buttons.")
    if decision == "reject" and feedback is None:
        raise FormRefused(400, "A rejection needs a reason: the worker must learn why.", "Go back and write it.")
    for assignment in chosen:
        try:
            await _decide(desk, hit_id, assignment, decision, feedback)
        except RequestRefused as refused:
            failures.append(f"{assignment}: {refused.message}")
    if failures:
        return await _hit(desk, failures)
    word = "Approved" if decision == "approve" else "Rejected"
    return desk.back(f"/hits/{hit_id}", f"{word} {len(chosen)} submission{'' if len(chosen) == 1 else 's'}.")


async def _decide(desk: Desk, hit_id: str, assignment: str, decision: str, feedback: str | None) -> None:
    found = (await desk.call("GetAssignment", AssignmentId=assignment))["Assignment"]
    if found["HITId"] != hit_id:
        raise RequestRefused("AWS.MechanicalTurk.AssignmentDoesNotExist", "It belongs to another HIT.")
    if decision == "reject":
        await desk.call("RejectAssignment", AssignmentId=assignment, RequesterFeedback=feedback)
        return
    # Approving what was rejected undoes the rejection: that is what somebody means who ticks it and presses Approve.
    override = found["AssignmentStatus"] == "Rejected" or None
    await desk.call(
        "ApproveAssignment", AssignmentId=assignment, RequesterFeedback=feedback, OverrideRejection=override
    )


async def bonus(desk: Desk) -> Response:
    """POST /requester/hits/{hit_id}/bonus: pays one worker extra. The form's token makes a second press harmless."""
    hit_id = (await _own(desk))["_id"]
    amount, assignment = desk.field("amount").removeprefix("$"), desk.field("assignment")
    cents(amount, "The bonus")  # its error is for people, that of the operation for programs
    found = (await desk.call("GetAssignment", AssignmentId=assignment))["Assignment"]
    await desk.call(
        "SendBonus",
        WorkerId=found["WorkerId"],
        AssignmentId=assignment,
        BonusAmount=amount,
        Reason=desk.field("reason"),
        UniqueRequestToken=desk.field("token"),
    )
    return desk.back(f"/hits/{hit_id}", f"A bonus of ${amount} is paid.")


async def extend(desk: Desk) -> Response:
    """POST /requester/hits/{hit_id}/extend: more assignments, more time, or both."""
    found = await _own(desk)
    more, hours = desk.number("more", "The number of assignments"), desk.number("hours", "The number of hours")
    if not more and not hours:
        raise FormRefused(400, "Nothing to extend.", "Go back and give more assignments, more hours, or both.")
    if hours:
        # From the end that the page showed: pressing the button twice adds the hours once.
        later = max(_shown_end(desk), desk.now) + timedelta(hours=min(hours, 100_000))
        await desk.call("UpdateExpirationForHIT", HITId=found["_id"], ExpireAt=later.timestamp())
    if more:
        await desk.call(
            "CreateAdditionalAssignmentsForHIT",
            HITId=found["_id"],
            NumberOfAdditionalAssignments=more,
            UniqueRequestToken=desk.field("token"),
        )
    return desk.back(f"/hits/{found['_id']}", "The HIT is extended.")


def _shown_end(desk: Desk) -> datetime:
    try:
        return datetime.fromisoformat(desk.field("ends")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FormRefused(400, "This form does not say when the HIT ends.", "Open its page again.") from None


async def expire(desk: Desk) -> Response:
    """POST /requester/hits/{hit_id}/expire: nobody accepts it any more; who works on it may finish."""
    hit_id = desk.request.path_params["hit_id"]
    await desk.call("UpdateExpirationForHIT", HITId=hit_id, ExpireAt=0)
    return desk.back(f"/hits/{hit_id}", "Nobody accepts this HIT any more.")


async def delete(desk: Desk) -> Response:
    """POST /requester/hits/{hit_id}/delete: only when everything is approved or rejected."""
    found = await _own(desk)
    if not found["disposed"] and hit_status(found, desk.now) not in {"Reviewable", "Reviewing"}:
        hint = "End it, and decide about what was sent; then delete it."
        raise FormRefused(400, "Work can still be done on this HIT.", hint)
    await desk.call("DeleteHIT", HITId=found["_id"])
    return desk.back("", "The HIT is deleted.")


async def _own(desk: Desk) -> Hit:
    hit_id = desk.request.path_params["hit_id"]
    await lifecycle.catch_up(desk.marketplace.database, desk.now, {"hit": hit_id})
    found = await desk.marketplace.database.hits.find_one({"_id": hit_id, "requester": desk.requester})
    if found is None:
        raise NotThere("You have no such HIT.")
    return found


ROUTES = [
    Route("/requester", at_desk(hits), methods=["GET"]),
    Route("/requester/hits/{hit_id}", at_desk(hit), methods=["GET"]),
    Route("/requester/hits/{hit_id}/review", at_desk(review), methods=["POST"]),
    Route("/requester/hits/{hit_id}/bonus", at_desk(bonus), methods=["POST"]),
    Route("/requester/hits/{hit_id}/extend", at_desk(extend), methods=["POST"]),
    Route("/requester/hits/{hit_id}/expire", at_desk(expire), methods=["POST"]),
    Route("/requester/hits/{hit_id}/delete", at_desk(delete), methods=["POST"]),
]
