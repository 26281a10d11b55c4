"""One annotator at work: open, answer, submit. The submission's insert is the commit point."""

import contextlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from active_learning import assembly
from active_learning.domain.category import Category, Example
from active_learning.domain.errors import AlreadyClosed, Forbidden, NotFound, StateError
from active_learning.domain.submission import Answer, Response, Submission
from active_learning.domain.task import Task, TaskState
from active_learning.domain.value import Value
from api.operations import tokens
from api.operations.context import Winnow
from api.settings import MARKET_ORIGINS
from api.store import Session
from api.store.assignments import AssignmentState
from api.store.connection import Document
from api.store.submissions import DuplicateKeyError

SUBMIT_PATH = "/mturk/externalSubmit"
COMPLETE_PATH = "/submissions/complete"
GRACE = timedelta(minutes=2)
"""Answers that are on their way when the time ends still arrive."""

AFTERWARDS = timedelta(hours=1)
"""So long after its end an assignment can still be asked about: a late page is told what became of it."""


class Opened(Value):
    """An assignment as its annotator sees it. The first images, out of ``of``, are the ``lessons``."""

    token: str
    key: str
    category: Category
    task: Task
    of: int
    lessons: tuple[Example, ...]
    deadline: datetime


class Progress(Value):
    """What is answered so far, in the order of positions, how many images there are, and whether it is submitted."""

    answers: tuple[Response, ...]
    of: int
    submitted: bool


class Receipt(Value):
    """Proof that the submission is stored, and where the market wants to hear of it (empty when stand-alone).

    The browser posts ``fields`` to ``action``, or goes there with them where ``method`` is get.
    """

    receipt: str
    action: str
    method: Literal["get", "post"] = "post"
    fields: dict[str, str]


def assignment_id(market_assignment: str, annotator: str) -> str:
    """Winnow's own key. A market may hand the same assignment id to another worker after a return."""
    return f"{market_assignment}:{annotator}"


def completion_code(w: Winnow, task: str) -> str:
    """What says that a task is done to a market that takes a code; nobody can guess it."""
    return _digest(w, "completed", task)[:12].upper()


async def open_assignment(w: Winnow, task_id: str, market_assignment: str, annotator: str, submit_to: str) -> Opened:
    """Start or resume an assignment.

    An annotator sees an image once in a category: what an earlier assignment of another task showed is left out, or
    gives way to other gold. The first assignment begins with the category's lessons. The same task taken again, after
    it was returned, is the same again. Raises :class:`NotFound`, :class:`AlreadyClosed` when it has ended, and
    :class:`Forbidden` for somebody who is not asked any more or for whom nothing is left.
    """
    if submit_to and submit_to.rstrip("/") not in w.settings.market_origins:
        raise Forbidden(f"'{submit_to}' is not a marketplace of this project.", "Open the task from the marketplace.")
    task = await w.store.tasks.get(task_id)
    category = await w.store.categories.definition(task.category)
    identifier = assignment_id(market_assignment, annotator)
    document = await w.store.assignments.get(identifier)
    if document is None:
        if task.state is TaskState.CLOSED:
            raise AlreadyClosed("This task is finished.", "Return it and take another one. Thank you.")
        reason = await w.store.annotators.stopped(task.category, annotator)
        if reason is not None:
            raise Forbidden(f"There is no more work for you on this question: {reason}.", "Please return this HIT.")
        document = await _start(w, category, task, identifier, annotator, (market_assignment, submit_to))
    if document["state"] == AssignmentState.ERASED.value:
        raise _erased()
    deadline = document["deadline"]
    return Opened(
        token=tokens.issue(w, identifier, deadline + AFTERWARDS),
        key=_digest(w, "key", identifier),
        category=category,
        task=task,
        of=len(document["images"]),
        lessons=_lessons(category, document),
        deadline=deadline,
    )


async def _start(
    w: Winnow, category: Category, task: Task, identifier: str, annotator: str, market: tuple[str, str]
) -> Document:
    """Insert the assignment. Of two that start at once, the later one learns what the earlier one shows."""
    while True:
        earlier = await w.store.assignments.earlier(task.category, annotator)
        sheet, stand_ins = await _sheet(w, category, task, annotator, earlier)
        now = w.clock()
        fields = {
            "category": task.category,
            "task": task.id,
            "annotator": annotator,
            "number": len(earlier),
            "market_assignment": market[0],
            "submit_to": market[1],
            **sheet,
            "opened_at": now,
            "deadline": now + timedelta(minutes=category.policy.minutes) + GRACE,
        }

        async def work(session: Session, fields: dict[str, Any] = fields, stand_ins: Sequence[str] = stand_ins) -> None:
            await w.store.assignments.insert(identifier, fields, session)
            await w.store.candidates.count_shown(task.category, dict.fromkeys(stand_ins, 1), session)

        # A number that is taken: the same assignment in another tab, or another one of this annotator's.
        with contextlib.suppress(DuplicateKeyError):
            await w.store.transact(work)
        document = await w.store.assignments.get(identifier)
        if document is not None:
            return document


async def _sheet(
    w: Winnow, category: Category, task: Task, annotator: str, earlier: Sequence[Document]
) -> tuple[dict[str, Any], list[str]]:
    """What this annotator is shown: images, what is known of each, how many are lessons; and the gold standing in."""
    same = [document for document in earlier if document["task"] == task.id]
    if any(document["state"] == AssignmentState.SUBMITTED.value for document in same):
        raise _nothing_left()
    if same:
        return {name: same[0][name] for name in ("images", "gold", "lessons")}, []
    gone = await w.store.takedowns.images(slot.image for slot in task.slots)
    seen = {image for document in earlier for image in document["images"]} | category.visible | gone
    gold: dict[str, bool] = {}
    shown: dict[str, int] = {}
    if any(slot.gold is not None and slot.image in seen for slot in task.slots):
        known = await w.store.candidates.gold(task.category)
        gold = {candidate["image"]: bool(candidate["gold"]) for candidate in known}
        shown = {candidate["image"]: int(candidate["shown"]) for candidate in known}
        shown |= await w.store.candidates.shown(task.category, task.asked)
    slots = assembly.personal(task, annotator, seen, gold, shown, category.seed)
    if not slots:
        raise _nothing_left()
    lessons = category.lessons[: category.policy.lessons] if not earlier else ()
    sheet = {
        "images": [*(lesson.image for lesson in lessons), *(slot.image for slot in slots)],
        "gold": [*(lesson.answer for lesson in lessons), *(slot.gold for slot in slots)],
        "lessons": len(lessons),
    }
    own = {slot.image for slot in task.slots}
    return sheet, [slot.image for slot in slots if slot.image not in own]


def _lessons(category: Category, document: Document) -> tuple[Example, ...]:
    """The lessons of an assignment; the researcher may have changed the category's since it began."""
    why = {lesson.image: lesson.why for lesson in category.lessons}
    return tuple(
        Example(image=image, answer=answer, why=why.get(image, ""))
        for image, answer in zip(document["images"][: document["lessons"]], document["gold"], strict=False)
    )


async def progress(w: Winnow, token: str) -> Progress:
    """What is answered so far: a reload or another tab goes on from here."""
    document = await _by_token(w, token)
    saved = sorted(document["answers"].values(), key=lambda answer: int(answer["position"]))
    return Progress(
        answers=tuple(Response.model_validate(answer) for answer in saved),
        of=len(document["images"]),
        submitted=document["state"] == AssignmentState.SUBMITTED.value,
    )


async def save(w: Winnow, token: str, responses: Sequence[Response]) -> int:
    """Keep answers as they are given, in one write; the last one for a position wins. Returns how many.

    Raises :class:`NotFound` for a position off the end and :class:`AlreadyClosed` when the assignment is over.
    """
    identifier = tokens.assignment_of(w, token)
    if responses and not await w.store.assignments.save(identifier, responses):
        document = await _by_token(w, token)
        furthest = max(response.position for response in responses)
        if furthest >= len(document["images"]):
            raise NotFound(f"There is no image at position {furthest}.")
        raise AlreadyClosed("This assignment is not open any more.", "What you had submitted is safe.")
    return len(responses)


async def submit(w: Winnow, token: str, viewport: tuple[int, int]) -> Receipt:
    """Insert the submission. A repeat (double click, second tab, retry) returns the same receipt.

    Raises :class:`StateError` while answers are missing and :class:`AlreadyClosed` when the assignment was erased.
    """
    document = await _by_token(w, token)
    receipt = _receipt(w, document)
    if document["state"] == AssignmentState.SUBMITTED.value:
        return receipt
    if document["state"] == AssignmentState.ERASED.value:
        raise _erased()
    missing = len(document["images"]) - len(document["answers"])
    if missing > 0:
        raise StateError(f"{missing} images have no answer yet.", "Go back to them; they are marked in the strip.")
    task = await w.store.tasks.get(document["task"])
    submission = _submission(document, task, viewport, w.clock())

    async def work(session: Session) -> bool:
        if not await w.store.assignments.finish(document["_id"], session):
            return False
        # Nothing that other annotators write too: counters follow when the submission is judged.
        await w.store.submissions.insert(submission, session)
        return True

    try:
        done = await w.store.transact(work)
    except DuplicateKeyError:
        return receipt
    if not done and await w.store.submissions.get(submission.id) is None:
        raise _erased()
    return receipt


def given(document: Document, positions: range) -> tuple[Answer, ...]:
    """The answers of an assignment at these positions, where there are any, with what stood there."""
    return tuple(
        Answer(image=document["images"][n], gold=document["gold"][n], **document["answers"][str(n)])
        for n in positions
        if str(n) in document["answers"]
    )


def _submission(document: Document, task: Task, viewport: tuple[int, int], now: datetime) -> Submission:
    lessons = document["lessons"]
    return Submission(
        id=document["_id"],
        category=task.category,
        task=task.id,
        annotator=document["annotator"],
        market_assignment=document["market_assignment"],
        answers=given(document, range(lessons, len(document["images"]))),
        lessons=given(document, range(lessons)),
        viewport=viewport,
        submitted_at=now,
    )


def _receipt(w: Winnow, document: Document) -> Receipt:
    digest = _digest(w, "receipt", document["_id"])
    submit_to = str(document["submit_to"]).rstrip("/")
    if submit_to in MARKET_ORIGINS["prolific"]:
        # It takes no form: its page wants the code that says that this task is done.
        code = {"cc": completion_code(w, document["task"])}
        return Receipt(receipt=digest, action=f"{submit_to}{COMPLETE_PATH}", method="get", fields=code)
    return Receipt(
        receipt=digest,
        action=f"{submit_to}{SUBMIT_PATH}" if submit_to else "",
        fields={"assignmentId": document["market_assignment"], "receipt": digest},
    )


def _erased() -> AlreadyClosed:
    return AlreadyClosed("The time for this assignment is over and its answers are erased.", "Take a new one.")


def _nothing_left() -> Forbidden:
    return Forbidden("Nothing is left for you in this task; please return it.", "You have seen all of its images.")


def _digest(w: Winnow, what: str, identifier: str) -> str:
    return hmac.new(w.secret.encode(), f"{what}:{identifier}".encode(), "sha256").hexdigest()[:32]


async def _by_token(w: Winnow, token: str) -> Document:
    document = await w.store.assignments.get(tokens.assignment_of(w, token))
    if document is None:
        raise NotFound("This assignment does not exist.", "Open the task from the marketplace.")
    return document
