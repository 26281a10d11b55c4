"""Appeals: a worker asks once that rejected work be looked at again; its requester answers once."""

from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from workers.turk import lifecycle
from workers.turk.database import Database, Document
from workers.turk.errors import FormRefused, NotNow, NotThere
from workers.turk.identifiers import order_key
from workers.turk.states import OVERRIDE_WINDOW, Assignment, AssignmentState

MAX_TEXT = 2_000
MAX_FEEDBACK = 1_024
"""The most characters that RequesterFeedback has in the API."""

PAGE = 100


def can_appeal(assignment: Assignment, now: datetime) -> bool:
    """Whether the rejection can still be undone: the requester can for 30 days from the submission."""
    return assignment["state"] == AssignmentState.REJECTED and now <= assignment["submitted_at"] + OVERRIDE_WINDOW


async def appeal(database: Database, assignment: Assignment, text: str, now: datetime) -> None:
    """Stores the one appeal of a rejected assignment. A repeat of the same text is fine.

    Raises NotNow when there is nothing to appeal against any more, or another text is there; FormRefused for an empty
    or too long one.
    """
    text = _checked(text)
    if not can_appeal(assignment, now):
        raise NotNow("There is nothing to appeal against.", "Only rejected work can be, for 30 days after it was sent.")
    try:
        await database.appeals.insert_one(
            {
                "_id": assignment["_id"],
                "order": order_key(now, assignment["_id"]),
                "requester": assignment["requester"],
                "worker": assignment["worker"],
                "hit": assignment["hit"],
                "title": assignment["title"],
                "reason": assignment.get("feedback", ""),
                "text": text,
                "at": now,
                "answered_at": None,
            }
        )
    except DuplicateKeyError:
        existing = await of_assignment(database, assignment["_id"])
        if existing is None or existing["text"] != text:
            raise NotNow("You have appealed already.", "The answer will be on the page of this work.") from None


async def of_assignment(database: Database, assignment_id: str) -> Document | None:
    """The appeal of this assignment: text, at, and once answered ``answered_at``, ``accepted`` and ``answer``."""
    return await database.appeals.find_one({"_id": assignment_id})


async def of_requester(database: Database, requester: str, now: datetime, *, waiting: bool = False) -> list[Document]:
    """The newest 100 appeals to this requester; with ``waiting`` those without an answer, the oldest first.

    Each has the ``state`` of its assignment, and ``can_accept``: an approval by other ways leaves nothing to answer.
    """
    wanted: dict[str, Any] = {"requester": requester, **({"answered_at": None} if waiting else {})}
    found = await database.appeals.find(wanted).sort("order", 1 if waiting else -1).limit(PAGE).to_list()
    assignments = database.assignments.find({"_id": {"$in": [each["_id"] for each in found]}}, {"answer": 0})
    known = {assignment["_id"]: assignment async for assignment in assignments}
    told = [
        {**each, "state": known[each["_id"]]["state"], "can_accept": can_appeal(known[each["_id"]], now)}
        for each in found
    ]
    return [each for each in told if not waiting or each["state"] == AssignmentState.REJECTED]


async def answer(
    database: Database, requester: str, assignment_id: str, text: str, now: datetime, *, accept: bool
) -> None:
    """Answers an appeal; ``accept`` approves and pays the assignment. Repeating it is fine.

    Raises NotThere for somebody else's, NotNow when it was answered otherwise, FormRefused for an empty text, and
    what ``lifecycle.approve`` raises when it cannot be paid any more.
    """
    text = _checked(text)
    mine: dict[str, Any] = {"_id": assignment_id, "requester": requester}
    found = await database.appeals.find_one(mine)
    if found is None:
        raise NotThere("There is no such appeal.")
    if found["answered_at"] is not None and (found["accepted"], found["answer"]) != (accept, text):
        raise NotNow("This appeal has been answered.", "A decision can be explained in a message.")
    assignment = await database.assignments.find_one(mine)
    if accept and assignment is not None and assignment["state"] == AssignmentState.REJECTED:
        # Paid first: an appeal that says "accepted" has been paid, even when this process dies in between.
        # And the reason of the rejection no longer stands beside paid work.
        await lifecycle.approve(database, assignment_id, text[:MAX_FEEDBACK], now, override=True)
    await database.appeals.update_one(
        {**mine, "answered_at": None}, {"$set": {"answered_at": now, "accepted": accept, "answer": text}}
    )


def _checked(text: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_TEXT:
        raise FormRefused(400, f"The text has 1 to {MAX_TEXT:,} characters.", "Go back and shorten or fill it.")
    return text
