"""Budgets, spending and wages."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from active_learning.domain.access import Scope
from api import replies
from api.access import Overseer, Reader
from api.deps import Opened
from api.operations import money
from api.operations.context import Winnow
from labeling_ui.contexts import LedgerPage, MoneyPage

router = APIRouter(prefix="/money", include_in_schema=False)

Days = Annotated[int, Query()]


async def _slugs(w: Winnow) -> tuple[str, ...]:
    return tuple(document["_id"] for document in await w.store.categories.all())


@router.get("", response_class=HTMLResponse)
async def money_page(
    w: Opened, me: Reader, days: Days = 30, category: str = "", paid: int | None = None
) -> HTMLResponse:
    """All money, or that of one category."""
    slug = category or None
    seen = await money.look(w, days, slug)
    lowest = await money.wages(w, slug) if me.may(Scope.WORKERS) else None
    done = "" if paid is None else _said(paid)
    return replies.page(MoneyPage(money=seen, lowest=lowest, choices=await _slugs(w), done=done), me)


def _said(paid: int) -> str:
    if not paid:
        return "The budget does not cover any of them yet: raise it in the category's settings."
    return f"{paid} bonus{'es are' if paid > 1 else ' is'} on the way."


@router.get("/ledger", response_class=HTMLResponse)
async def ledger(w: Opened, me: Overseer, category: str = "", after: str = "") -> HTMLResponse:
    """Every act on money, the newest first."""
    page = await money.ledger(w, category or None, after or None)
    shown = LedgerPage(ledger=page, slug=category or None, choices=await _slugs(w), first=not after)
    return replies.page(shown, me)


@router.get("/days.csv")
async def days_table(w: Opened, me: Reader, days: Days = 365, category: str = "") -> StreamingResponse:
    """What was spent each day for what."""
    return replies.table(money.day_rows(w, days, category or None), money.DAY_COLUMNS, "winnow-spending.csv")


@router.get("/ledger.csv")
async def ledger_table(w: Opened, me: Overseer, category: str = "") -> StreamingResponse:
    """The whole ledger."""
    return replies.table(money.ledger_rows(w, category or None), money.LEDGER_COLUMNS, "winnow-ledger.csv")


@router.get("/wages.csv")
async def wages_table(w: Opened, me: Overseer, category: str = "") -> StreamingResponse:
    """What people earn an hour, the lowest first."""
    return replies.table(money.wage_rows(w, category or None), money.WAGE_COLUMNS, "winnow-wages.csv")


@router.post("/{slug}/owed")
async def pay_owed(w: Opened, me: Overseer, slug: str) -> Response:
    """Pay the bonuses that the budget did not cover when they were due."""
    return RedirectResponse(f"/money?paid={await money.pay_owed(w, slug)}", 303)
