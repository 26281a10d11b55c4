"""Workers: how they work, what was noticed, and what is decided about them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from active_learning.domain.value import Value
from api.access import Overseer
from api.deps import Opened
from api.operations import appeals, reviewing, viewing_submissions, viewing_workers
from api.operations.viewing_workers import Filters, Found
from api.routers.rest import PREFIX
from api.schemas import ERRORS, ErrorOut
from labeling_ui.contexts.workers import AnswerRow, AppealRow, Order, SubmissionRow, WorkerFlag, WorkerSummary

router = APIRouter(prefix=PREFIX, tags=["workers"], responses=ERRORS)

NO_MONEY: dict[int | str, dict[str, Any]] = {
    402: {"model": ErrorOut, "description": "the category's budget does not cover it"}
}

Identifier = Annotated[str, Path(max_length=200)]


class Done(Value):
    """Whether this call did it; ``false`` says that it was done already."""

    done: bool


class Reason(Value):
    """Why, in words."""

    reason: str = Field(max_length=2_000)


class Note(Value):
    """What its annotator reads; empty for the usual words."""

    note: str = Field(default="", max_length=2_000)


class BonusIn(Value):
    """A bonus of ``cents`` for a submission; as its bonus ``number``, a repeat pays nothing more."""

    submission: str = Field(max_length=200)
    number: int = Field(ge=1, le=1_000)
    cents: int = Field(ge=1, le=reviewing.LARGEST_BONUS_CENTS)
    reason: str = Field(max_length=2_000)


class InviteIn(Value):
    """A message; ``number`` counts the acts about a worker, so that a repeat does nothing."""

    number: int = Field(ge=1, le=1_000_000)
    subject: str = Field(max_length=reviewing.LONGEST_SUBJECT)
    text: str = Field(max_length=reviewing.LONGEST_MESSAGE)


class Decision(Value):
    """The answer to an appeal; its annotator reads the words."""

    accept: bool
    words: str = Field(max_length=2_000)


class WorkerOut(Value):
    """One worker: sums over all categories first, flags, the newest submissions of ``category``."""

    worker: str
    sums: tuple[WorkerSummary, ...]
    flags: tuple[WorkerFlag, ...]
    category: str
    submissions: tuple[SubmissionRow, ...]
    next_act: int


class SubmissionOut(Value):
    """One submission with the time of every image; ``next_bonus`` is the number that another bonus would have."""

    submission: SubmissionRow
    answers: tuple[AnswerRow, ...]
    agreed: int
    compared: int
    next_bonus: int


class Appeals(Value):
    """Appeals that wait for an answer, the longest waiting first."""

    items: tuple[AppealRow, ...]
    next: str | None = None


@router.get("/workers")
async def list_workers(
    w: Opened,
    me: Overseer,
    category: Annotated[str, Query(max_length=100)] = "",
    flag: Literal["", "open", "confirmed"] = "",
    blocked: bool = False,
    order: Order = "last",
    after: Annotated[str, Query(max_length=300)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Found:
    """The workers of a category, or of all."""
    filters = Filters(category=category, flag=flag, blocked=blocked, order=order, after=after, limit=limit)
    return await viewing_workers.found(w, filters)


@router.get("/workers/{worker}")
async def get_worker(
    w: Opened, me: Overseer, worker: Identifier, category: Annotated[str, Query(max_length=100)] = ""
) -> WorkerOut:
    """One worker."""
    page = await viewing_workers.worker_page(w, worker, category)
    return WorkerOut(
        worker=page.worker,
        sums=page.sums,
        flags=page.flags,
        category=page.category,
        submissions=page.submissions,
        next_act=page.act_number,
    )


@router.post("/workers/{worker}/bonus", responses=NO_MONEY)
async def pay_bonus(w: Opened, me: Overseer, worker: Identifier, body: BonusIn) -> Done:
    """Pay something extra for a submission of a worker."""
    await viewing_submissions.submission_page(w, worker, body.submission)
    done = await reviewing.bonus(w, body.submission, body.number, body.cents, body.reason, me.name)
    return Done(done=done)


@router.post("/workers/{worker}/block")
async def block_worker(w: Opened, me: Overseer, worker: Identifier, body: Reason) -> Done:
    """Offer a worker no more work, here and at the market."""
    return Done(done=await reviewing.block(w, worker, body.reason, me.name))


@router.post("/workers/{worker}/unblock")
async def unblock_worker(w: Opened, me: Overseer, worker: Identifier) -> Done:
    """Offer a worker work again."""
    return Done(done=await reviewing.unblock(w, worker, me.name))


@router.post("/workers/{worker}/invite")
async def invite_worker(w: Opened, me: Overseer, worker: Identifier, body: InviteIn) -> Done:
    """Write to a worker, and ask them back where they were not asked any more."""
    return Done(done=await reviewing.invite(w, worker, body.number, body.subject, body.text, me.name))


@router.get("/submissions/{submission}")
async def get_submission(w: Opened, me: Overseer, submission: Identifier) -> SubmissionOut:
    """One submission, answer by answer."""
    page = await viewing_submissions.submission_page(w, submission.rpartition(":")[2], submission)
    return SubmissionOut(
        submission=page.row,
        answers=page.answers,
        agreed=page.agreed,
        compared=page.compared,
        next_bonus=page.number,
    )


@router.post("/submissions/{submission}/approve", responses=NO_MONEY)
async def approve_submission(w: Opened, me: Overseer, submission: Identifier, body: Note) -> Done:
    """Pay a submission that waits for a decision, or that was refused."""
    return Done(done=await reviewing.approve(w, submission, me.name, body.note))


@router.post("/submissions/{submission}/refuse")
async def refuse_submission(w: Opened, me: Overseer, submission: Identifier, body: Reason) -> Done:
    """Refuse pay for a submission that waits for a decision."""
    return Done(done=await reviewing.refuse(w, submission, me.name, body.reason))


@router.post("/flags/{flag}/confirm", status_code=204)
async def confirm_flag(w: Opened, me: Overseer, flag: Identifier, body: Note) -> None:
    """Confirm what was noticed; it needs a note."""
    await reviewing.decide_flag(w, flag, "confirmed", me.name, body.note)


@router.post("/flags/{flag}/dismiss", status_code=204)
async def dismiss_flag(w: Opened, me: Overseer, flag: Identifier, body: Note) -> None:
    """Dismiss what was noticed."""
    await reviewing.decide_flag(w, flag, "dismissed", me.name, body.note)


@router.get("/appeals")
async def list_appeals(w: Opened, me: Overseer, after: Annotated[str, Query(max_length=300)] = "") -> Appeals:
    """Appeals that wait for an answer."""
    page = await viewing_submissions.appeals_page(w, after)
    return Appeals(items=page.appeals, next=page.following or None)


@router.post("/appeals/{submission}/answer", responses=NO_MONEY)
async def answer_appeal(w: Opened, me: Overseer, submission: Identifier, body: Decision) -> Done:
    """Answer an appeal; accepted, it is paid."""
    return Done(done=await appeals.answer(w, submission, body.accept, body.words, me.name))
