"""One annotator at work: open, answer, submit. The submission's insert is the commit point."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from active_learning import assembly
from active_learning.domain.category import Category
from active_learning.domain.errors import AlreadyClosed, Forbidden, NotFound, StateError
from active_learning.domain.submission import Answer, Response, Submission
from active_learning.domain.task import Task, TaskState
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store import Session
from api.store.assignments import AssignmentState
from api.store.submissions import DuplicateKeyError

SUBMIT_PATH = "/mturk/externalSubmit"
GRACE = timedelta(minutes=2)
"""Answers that are on their way when the time ends still arrive."""


class Opened(Value):
    """An assignment as its annotator sees it."""

    token: str
    category: Category
    task: Task
    of: int
    deadline: datetime


class Progress(Value):
    """Which positions have an answer, and how many there are."""

    answered: dict[int, bool]
    of: int


class Receipt(Value):
    """Proof that the submission is stored, and where the market wants to hear of it (empty when stand-alone)."""

    receipt: str
    action: str
    fields: dict[str, str]


def assignment_id(market_assignment: str, annotator: str) -> str:
    """Winnow's own key. A market may hand the same assignment id to another worker after a return."""
    return f"{market_assignment}:{annotator}"


async def open_assignment(w: Winnow, task_id: str, market_assignment: str, annotator: str, submit_to: str) -> Opened:
    """Start or resume an assignment.

    The order of slots is this annotator's own. Images that the annotator has answered in an earlier task are left
    out: the same person twice is one opinion. Raises :class:`NotFound`, :class:`AlreadyClosed` when it has ended, and
    :class:`Forbidden` for somebody who is not asked any more.
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
        document = await w.store.assignments.open(
            identifier, await _fresh_assignment(w, category, task, market_assignment, annotator, submit_to)
        )
    if document["state"] == AssignmentState.ERASED.value:
        raise _erased()
    token = _serializer(w).dumps(identifier)
    deadline = document["deadline"]
    return Opened(token=token, category=category, task=task, of=len(document["images"]), deadline=deadline)


async def _fresh_assignment(
    w: Winnow, category: Category, task: Task, market_assignment: str, annotator: str, submit_to: str
) -> dict[str, Any]:
    seen = await w.store.submissions.images_answered(task.category, annotator)
    order = assembly.order(task.id, annotator, len(task.slots), category.seed)
    fresh = [index for index in order if task.slots[index].gold is not None or task.slots[index].image not in seen]
    now = w.clock()
    return {
        "category": task.category,
        "task": task.id,
        "annotator": annotator,
        "market_assignment": market_assignment,
        "submit_to": submit_to,
        "images": [task.slots[index].image for index in fresh],
        "opened_at": now,
        "deadline": now + timedelta(minutes=category.policy.minutes) + GRACE,
    }


async def image_at(w: Winnow, token: str, position: int) -> bytes:
    """The bytes of the image at a position of the token's assignment; raises :class:`NotFound` off the end."""
    shown = await w.store.assignments.image(_identifier(w, token), position) if position >= 0 else None
    if shown is None:
        raise NotFound(f"There is no image at position {position}.")
    data = await w.blobs.get(shown)
    if data is None:
        raise NotFound("The bytes of this image are missing.", "Tell the requester; skip nothing, return the HIT.")
    return data


async def progress(w: Winnow, token: str) -> Progress:
    """What is answered so far: a reload or another tab goes on from here."""
    return _progress(await _by_token(w, token))


async def save(w: Winnow, token: str, responses: Sequence[Response]) -> Progress:
    """Keep answers as they are given; the last one for a position wins. Raises :class:`AlreadyClosed` when over."""
    document = await _by_token(w, token)
    count = len(document["images"])
    for response in responses:
        if response.position >= count:
            raise NotFound(f"There is no image at position {response.position}.")
    if not responses:
        return _progress(document)
    saved = await w.store.assignments.save(document["_id"], responses)
    if saved is None:
        raise AlreadyClosed("This assignment is not open any more.", "What you had submitted is safe.")
    return _progress(saved)


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


async def erase_unfinished(w: Winnow) -> int:
    """Erase the answers of assignments that ran out of time; their slots are asked again by the market."""
    return await w.store.assignments.erase_late(w.clock())


def _submission(document: dict[str, Any], task: Task, viewport: tuple[int, int], now: datetime) -> Submission:
    answers = tuple(
        Answer(image=image, **document["answers"][str(position)]) for position, image in enumerate(document["images"])
    )
    return Submission(
        id=document["_id"],
        category=task.category,
        task=task.id,
        annotator=document["annotator"],
        market_assignment=document["market_assignment"],
        answers=answers,
        viewport=viewport,
        submitted_at=now,
    )


def _receipt(w: Winnow, document: dict[str, Any]) -> Receipt:
    digest = hmac.new(w.secret.encode(), f"receipt:{document['_id']}".encode(), "sha256").hexdigest()[:32]
    submit_to = str(document["submit_to"]).rstrip("/")
    return Receipt(
        receipt=digest,
        action=f"{submit_to}{SUBMIT_PATH}" if submit_to else "",
        fields={"assignmentId": document["market_assignment"], "receipt": digest},
    )


def _erased() -> AlreadyClosed:
    return AlreadyClosed("The time for this assignment is over and its answers are erased.", "Take a new one.")


def _progress(document: dict[str, Any]) -> Progress:
    answered = {int(position): bool(answer["value"]) for position, answer in document["answers"].items()}
    return Progress(answered=answered, of=len(document["images"]))


def _serializer(w: Winnow) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(w.secret, salt="assignment")


def _identifier(w: Winnow, token: str) -> str:
    try:
        return str(_serializer(w).loads(token, max_age=24 * 3600))
    except SignatureExpired as error:
        raise Forbidden("This page has expired.", "Reload it from the marketplace; your answers are kept.") from error
    except BadSignature as error:
        raise Forbidden("This link is not valid.", "Open the task from the marketplace.") from error


async def _by_token(w: Winnow, token: str) -> dict[str, Any]:
    document = await w.store.assignments.get(_identifier(w, token))
    if document is None:
        raise NotFound("This assignment does not exist.", "Open the task from the marketplace.")
    return document
