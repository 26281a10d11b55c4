"""Where the money goes, from kept counters and short indexed reads: no page adds up a ledger."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np

from active_learning.domain.category import Category
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState
from active_learning.wages import hourly_cents
from api.operations import bonuses, overview
from api.operations.context import Winnow
from api.store import Session
from api.store.categories import COUNTERS
from api.store.connection import Document
from api.store.payments import KINDS, kind
from labeling_ui import contexts

SPREAD = 2_000
"""Wages that a spread is drawn of, at most."""

LOWEST = 8
PAGE = 50
LONGEST = 3_650

DAY_COLUMNS = ("day", "category", "kind", "acts", "cents", "people_cents")
LEDGER_COLUMNS = (
    *("id", "intended_at", "category", "round", "annotator", "act", "kind", "gets_cents", "cents"),
    *("done_at", "refused_at", "refused", "reason", "hit", "assignment"),
)
WAGE_COLUMNS = ("category", "annotator", "hourly_cents", "earned_cents", "active_ms", "submitted", "unfinished")


async def look(w: Winnow, days: int, slug: str | None = None) -> contexts.Money:
    """Budgets, spending of the last ``days``, and wages; of one category where ``slug`` is given.

    Raises :class:`NotFound` for a category that does not exist, and :class:`InputError` for days that are none.
    """
    if not 1 <= days <= LONGEST:
        raise InputError(f"{days} days cannot be shown.", f"Choose 1 to {LONGEST} days.")
    documents = await w.store.categories.all() if slug is None else [await w.store.categories.get(slug)]
    by_day = await _by_day(w, days, slug)
    return contexts.Money(
        days=days,
        slug=slug,
        funds=tuple([await _fund(w, document) for document in documents]),
        kinds=_kinds(by_day),
        by_day=by_day,
        spread=_spread(await w.store.wages.hourly(slug, SPREAD)),
    )


async def _by_day(w: Winnow, days: int, slug: str | None) -> tuple[contexts.ForDay, ...]:
    first = (w.clock() - timedelta(days=days - 1)).date().isoformat()
    return tuple(contexts.ForDay(**spent.model_dump()) for spent in await w.store.spending.since(first, slug))


def _kinds(by_day: tuple[contexts.ForDay, ...]) -> tuple[contexts.ForKind, ...]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in by_day:
        for place, n in enumerate((one.acts, one.cents, one.people_cents)):
            sums[one.kind][place] += n
    return tuple(
        contexts.ForKind(kind=name, acts=sums[name][0], cents=sums[name][1], people_cents=sums[name][2])
        for name in KINDS
        if name in sums
    )


async def _fund(w: Winnow, document: Document) -> contexts.Fund:
    category = Category.model_validate(document["category"])
    worked = document.get("wages") or COUNTERS["wages"]
    in_the_loop = document["state"] in (CategoryState.OPEN, CategoryState.PAUSED)
    rounds = await w.store.rounds.all(category.slug) if in_the_loop else []
    left = overview.estimate(document, category, rounds) if in_the_loop else None
    refused = document.get("bonuses", COUNTERS["bonuses"])["refused"]
    owed = await w.store.payments.refused_for(category.slug, bonuses.NO_MONEY) if refused else []
    return contexts.Fund(
        slug=category.slug,
        question=category.question,
        state=document["state"],
        budget=category.policy.budget_cents,
        spent=document["money"]["spent_cents"],
        committed=document["money"]["committed_cents"],
        to_come=None if left is None else left.cents,
        hourly=hourly_cents(worked["earned_cents"], worked["active_ms"]),
        floor=category.policy.wage_floor_cents,
        worked_ms=worked["active_ms"],
        submitted=worked["submitted"],
        unfinished=worked["unfinished"],
        owed=len(owed),
        owed_cents=sum(entry["cents"] for entry in owed),
    )


def _spread(wages: list[float]) -> contexts.WageSpread:
    if not wages:
        return contexts.WageSpread()
    lower, middle, upper = (float(at) for at in np.quantile(wages, [0.25, 0.5, 0.75]))
    return contexts.WageSpread(people=len(wages), lower=lower, middle=middle, upper=upper, wages=tuple(wages))


async def wages(w: Winnow, slug: str | None, after: str | None = None, limit: int = LOWEST) -> contexts.Wages:
    """People by what they earn an hour, the lowest first, from the key ``after`` on."""
    found = await w.store.wages.lowest(slug, None if after is None else _wage_key(after), limit + 1)
    floors = {document["_id"]: _policy(document).wage_floor_cents for document in await w.store.categories.all()}
    lines = tuple(_wage(document, floors) for document in found[:limit])
    return contexts.Wages(items=lines, next=f"{lines[-1].hourly!r}~{lines[-1].id}" if len(found) > limit else None)


def _wage_key(text: str) -> tuple[float, str]:
    wage, _, identifier = text.partition("~")
    try:
        return float(wage), identifier
    except ValueError as error:
        raise InputError(f"'{text}' is no key of this list.", "Use the 'next' of an answer as it came.") from error


def _wage(document: Document, floors: dict[str, int]) -> contexts.WageLine:
    floor = floors.get(document["category"], 0)
    return contexts.WageLine(
        id=document["_id"],
        category=document["category"],
        annotator=document["annotator"],
        hourly=document["hourly"],
        earned=document["earned_cents"],
        active_ms=document["active_ms"],
        submitted=document["submitted"],
        unfinished=document["unfinished"],
        below=document["hourly"] < floor - 1,  # a floor that is just reached is not missed by a rounding
    )


def _policy(document: Document) -> Policy:
    return Category.model_validate(document["category"]).policy


async def ledger(w: Winnow, slug: str | None, after: str | None = None, limit: int = PAGE) -> contexts.Ledger:
    """Acts of the ledger, the newest first, from the key ``after`` on."""
    found = await w.store.payments.latest(slug, None if after is None else _ledger_key(after), limit + 1)
    items = tuple(_entry(document) for document in found[:limit])
    more = f"{items[-1].at.isoformat()}~{items[-1].id}" if len(found) > limit else None
    return contexts.Ledger(items=items, next=more)


def _ledger_key(text: str) -> tuple[datetime, str]:
    moment, _, identifier = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise InputError(f"'{text}' is no key of this list.", "Use the 'next' of an answer as it came.") from error
    return at, identifier


def _entry(document: Document) -> contexts.LedgerEntry:
    done, refused = document["done_at"], document["refused_at"]
    return contexts.LedgerEntry(
        id=document["_id"],
        at=document["intended_at"],
        category=document["category"],
        annotator=document["annotator"],
        kind=kind(document["_id"], document["act"]),
        gets=document.get("bonus") or document.get("reward") or 0,
        cents=0 if document["act"] == "reject" else document["cents"],
        reason=document["reason"],
        state="done" if done else "refused" if refused else "waiting",
        why_not=document.get("refused", ""),
    )


async def day_rows(w: Winnow, days: int, slug: str | None) -> AsyncIterator[dict[str, Any]]:
    """What was spent each day, for a table."""
    for one in await _by_day(w, days, slug):
        yield one.model_dump()


async def ledger_rows(w: Winnow, slug: str | None) -> AsyncIterator[dict[str, Any]]:
    """The whole ledger in the order of its ids, for a table."""
    async for document in w.store.payments.stream(slug):
        entry = _entry(document)
        shown = {name: document.get(name) for name in LEDGER_COLUMNS if name in document}
        yield shown | {"id": entry.id, "kind": entry.kind, "gets_cents": entry.gets, "cents": entry.cents}


async def wage_rows(w: Winnow, slug: str | None) -> AsyncIterator[dict[str, Any]]:
    """Everybody who has worked enough for an hourly wage, the lowest first, for a table."""
    after: str | None = None
    while True:
        page = await wages(w, slug, after, 500)
        for line in page.items:
            yield line.model_dump() | {"hourly_cents": round(line.hourly, 1), "earned_cents": line.earned}
        if page.next is None:
            return
        after = page.next


async def pay_owed(w: Winnow, slug: str) -> int:
    """Pay the bonuses that the budget did not cover when they were due, as far as it does now; returns how many.

    The collect job sends them. Raises :class:`NotFound`.
    """
    await w.store.categories.get(slug)
    paid = 0
    for entry in await w.store.payments.refused_for(slug, bonuses.NO_MONEY):

        async def work(session: Session, entry: Document = entry) -> bool:
            policy, gone = await _budget(w, slug, session)
            if entry["cents"] > policy.budget_cents - gone:
                return False
            if not await w.store.payments.reopen(entry["_id"], bonuses.NO_MONEY, session):
                return False
            changes = {"bonuses.refused": -1, "money.committed_cents": entry["cents"]}
            await w.store.categories.count(slug, changes, session)
            return True

        paid += await w.store.transact(work)
    if paid:
        await w.store.jobs.poke("collect", {"category": slug}, w.clock())
    return paid


async def _budget(w: Winnow, slug: str, session: Session) -> tuple[Policy, int]:
    """The policy, and what of its budget is spent or promised."""
    document = await w.store.categories.get(slug, session)
    return _policy(document), cast(int, sum(document["money"].values()))
