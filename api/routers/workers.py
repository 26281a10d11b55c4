"""Pages about the people who answer, and what an admin decides about them."""

from collections.abc import Awaitable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from active_learning.domain.errors import BudgetExhausted, InputError, StateError
from api import replies
from api.access import Overseer
from api.deps import Opened, typed_in
from api.operations import appeals, reviewing, viewing_submissions, viewing_workers
from api.operations.viewing_workers import COLUMNS, Filters
from labeling_ui.contexts.workers import Order, Typed

router = APIRouter(prefix="/workers", include_in_schema=False)

REFUSED = (InputError, StateError, BudgetExhausted)
"""What is wrong with a form, or does not fit the present state: the page says it, and what was typed stays."""

Text = Annotated[str, Form(max_length=5_000)]


async def _typed(request: Request, form: str) -> Typed:
    return Typed(form=form, values=await typed_in(request))


def _there(address: str, done: str, anchor: str = "") -> RedirectResponse:
    sign = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{sign}{urlencode({'done': done})}{anchor}", 303)


@router.get("", response_class=HTMLResponse)
async def workers(
    w: Opened,
    me: Overseer,
    category: str = "",
    flag: str = "",
    blocked: str = "",
    order: Order = "last",
    after: str = "",
) -> HTMLResponse:
    """The list, filtered and sorted."""
    filters = Filters(category=category, flag=flag, blocked=blocked == "yes", order=order, after=after)
    return replies.page(await viewing_workers.list_page(w, filters), me)


@router.get(".csv")
async def workers_table(w: Opened, me: Overseer, category: str = "") -> StreamingResponse:
    """Everybody of a category, or of all, as a table."""
    if category:
        await w.store.categories.get(category)
    return replies.table(viewing_workers.table(w, category), COLUMNS, f"workers{'-' if category else ''}{category}.csv")


@router.get("/compare", response_class=HTMLResponse)
async def compare(
    w: Opened, me: Overseer, w_: Annotated[list[str] | None, Query(alias="w")] = None, category: str = ""
) -> HTMLResponse:
    """Some workers side by side."""
    return replies.page(await viewing_workers.compare_page(w, w_ or (), category), me)


@router.get("/appeals", response_class=HTMLResponse)
async def appeals_desk(w: Opened, me: Overseer, after: str = "", done: str = "") -> HTMLResponse:
    """What waits for a decision."""
    return replies.page(await viewing_submissions.appeals_page(w, after, done), me)


@router.post("/appeals/{submission}")
async def answer_appeal_form(
    w: Opened, me: Overseer, request: Request, submission: str, decision: Text = "", words: Text = ""
) -> Response:
    """Accept or decline an appeal; accepted, it is paid."""
    try:
        if decision not in {"accept", "decline"}:
            raise InputError("Say whether you accept the appeal.", "Choose one of the two.")
        await appeals.answer(w, submission, decision == "accept", words, me.name)
    except REFUSED as error:
        typed = (await _typed(request, submission)).model_copy(update={"problem": str(error)})
        return replies.page(await viewing_submissions.appeals_page(w, typed=typed), me, 422)
    return _there("/workers/appeals", "accepted" if decision == "accept" else "declined")


@router.get("/{worker}", response_class=HTMLResponse)
async def worker(
    w: Opened, me: Overseer, worker: str, category: str = "", after: str = "", done: str = ""
) -> HTMLResponse:
    """One person."""
    return replies.page(await viewing_workers.worker_page(w, worker, category, after, done), me)


async def _act(
    w: Opened, me: Overseer, request: Request, worker: str, done: str, act: Awaitable[object], anchor: str = ""
) -> Response:
    """Do something about somebody, and show their page again: with what was done, or with what is wrong."""
    try:
        await act
    except REFUSED as error:
        typed = (await _typed(request, done)).model_copy(update={"problem": str(error)})
        return replies.page(await viewing_workers.worker_page(w, worker, typed=typed), me, 422)
    return _there(f"/workers/{worker}", done, anchor)


@router.post("/{worker}/block")
async def block_form(w: Opened, me: Overseer, request: Request, worker: str, reason: Text = "") -> Response:
    """Offer somebody no more work."""
    return await _act(w, me, request, worker, "block", reviewing.block(w, worker, reason, me.name))


@router.post("/{worker}/unblock")
async def unblock_form(w: Opened, me: Overseer, request: Request, worker: str) -> Response:
    """Offer somebody work again."""
    return await _act(w, me, request, worker, "unblock", reviewing.unblock(w, worker, me.name))


@router.post("/{worker}/invite")
async def invite_form(
    w: Opened, me: Overseer, request: Request, worker: str, number: Text = "", subject: Text = "", text: Text = ""
) -> Response:
    """Write to somebody, and ask them back."""
    act = reviewing.invite(w, worker, _number(number), subject, text, me.name)
    return await _act(w, me, request, worker, "invite", act)


@router.post("/{worker}/stop")
async def stop_form(w: Opened, me: Overseer, request: Request, worker: str, category: Text = "") -> Response:
    """Offer somebody no more tasks of one category."""
    act = reviewing.stop_asking(w, category, worker, me.name)
    return await _act(w, me, request, worker, "stop", act)


@router.post("/{worker}/ask-again")
async def ask_again_form(w: Opened, me: Overseer, request: Request, worker: str, category: Text = "") -> Response:
    """Offer somebody tasks of one category again."""
    act = reviewing.ask_again(w, category, worker, me.name)
    return await _act(w, me, request, worker, "ask_again", act)


@router.post("/{worker}/flags")
async def decide_flag_form(
    w: Opened, me: Overseer, request: Request, worker: str, flag: Text = "", decision: Text = "", note: Text = ""
) -> Response:
    """Confirm or dismiss what was noticed, or open it again."""
    states = {"confirm": "confirmed", "dismiss": "dismissed", "reopen": "open"}

    async def decide() -> None:
        if decision not in states:
            raise InputError("Say what you decide about the flag.", "Confirm or dismiss it.")
        await reviewing.decide_flag(w, flag, states[decision], me.name, note)  # type: ignore[arg-type]

    return await _act(w, me, request, worker, states.get(decision, flag), decide(), "#flags")


@router.get("/{worker}/submissions/{submission}", response_class=HTMLResponse)
async def submission(w: Opened, me: Overseer, worker: str, submission: str, done: str = "") -> HTMLResponse:
    """One submission: the time of every image in order."""
    return replies.page(await viewing_submissions.submission_page(w, worker, submission, done), me)


async def _decide(
    w: Opened, me: Overseer, request: Request, where: tuple[str, str], done: str, act: Awaitable[object]
) -> Response:
    worker, submission = where
    try:
        await act
    except REFUSED as error:
        typed = (await _typed(request, done)).model_copy(update={"problem": str(error)})
        return replies.page(await viewing_submissions.submission_page(w, worker, submission, typed=typed), me, 422)
    return _there(f"/workers/{worker}/submissions/{submission}", done)


@router.post("/{worker}/submissions/{submission}/approve")
async def approve_form(
    w: Opened, me: Overseer, request: Request, worker: str, submission: str, note: Text = ""
) -> Response:
    """Pay a submission that waits or was refused."""
    act = reviewing.approve(w, submission, me.name, note)
    return await _decide(w, me, request, (worker, submission), "approve", act)


@router.post("/{worker}/submissions/{submission}/refuse")
async def refuse_form(
    w: Opened, me: Overseer, request: Request, worker: str, submission: str, reason: Text = ""
) -> Response:
    """Refuse pay for a submission that waits."""
    act = reviewing.refuse(w, submission, me.name, reason)
    return await _decide(w, me, request, (worker, submission), "refuse", act)


@router.post("/{worker}/submissions/{submission}/bonus")
async def bonus_form(
    w: Opened,
    me: Overseer,
    request: Request,
    worker: str,
    submission: str,
    number: Text = "",
    dollars: Text = "",
    reason: Text = "",
) -> Response:
    """Pay something extra for a submission."""

    async def pay() -> None:
        await reviewing.bonus(w, submission, _number(number), cents(dollars), reason, me.name)

    return await _decide(w, me, request, (worker, submission), "bonus", pay())


def cents(dollars: str) -> int:
    """What somebody has typed as dollars, in cents; raises :class:`InputError`."""
    text = dollars.strip().removeprefix("$").replace(",", ".")
    whole, _, part = text.partition(".")
    digits = f"{whole or '0'}{part}"
    if not (whole or part) or len(part) > 2 or len(whole) > 6 or not (digits.isascii() and digits.isdigit()):
        raise InputError(f"'{dollars[:40]}' is not an amount of dollars.", "Write it like 0.50.")
    return int(whole or 0) * 100 + int(part.ljust(2, "0"))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text)):
        raise InputError("The form lacks its number.", "Load the page again.")
    return int(text)
