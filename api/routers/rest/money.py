"""Budgets, spending, wages and the ledger."""

from typing import Annotated

from fastapi import APIRouter, Query

from active_learning.domain.value import Value
from api.access import Overseer, Reader
from api.deps import Opened
from api.operations import money
from api.routers.rest import PREFIX
from api.schemas import ERRORS
from labeling_ui.contexts import Ledger, Money, Wages

router = APIRouter(prefix=f"{PREFIX}/money", tags=["money"], responses=ERRORS)

Limit = Annotated[int, Query(ge=1, le=500)]
Slug = Annotated[str | None, Query(max_length=100, description="of this category alone")]
After = Annotated[str | None, Query(max_length=400, description="the ``next`` of the page before")]


class OwedPaid(Value):
    """How many bonuses are on the way now."""

    paid: int


@router.get("")
async def read_money(
    w: Opened, me: Reader, days: Annotated[int, Query(ge=1, le=money.LONGEST)] = 30, category: Slug = None
) -> Money:
    """Budgets, what was spent in the last days for what, and how hourly wages are spread."""
    return await money.look(w, days, category)


@router.get("/wages")
async def list_wages(w: Opened, me: Overseer, category: Slug = None, after: After = None, limit: Limit = 100) -> Wages:
    """What people earn an hour of measured work, the lowest first."""
    return await money.wages(w, category, after, limit)


@router.get("/ledger")
async def list_ledger(
    w: Opened, me: Overseer, category: Slug = None, after: After = None, limit: Limit = 100
) -> Ledger:
    """Every act on money, the newest first."""
    return await money.ledger(w, category, after, limit)


@router.post("/{slug}/owed")
async def pay_owed_bonuses(w: Opened, me: Overseer, slug: str) -> OwedPaid:
    """Pay the bonuses that a category's budget did not cover when they were due, as far as it does now."""
    return OwedPaid(paid=await money.pay_owed(w, slug))
