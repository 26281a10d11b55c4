"""A requester's balance, the ledger behind it, and what people are to be paid outside."""

from datetime import UTC, datetime, timedelta

from starlette.responses import Response
from starlette.routing import Route

from workers.turk import payroll
from workers.turk.errors import FormRefused
from workers.turk.site.requester.desk import PAGE, Desk, at_desk

LAST_DAY = datetime(9998, 12, 31, tzinfo=UTC)
NAMES = {
    "deposited": "Paid in",
    "available": "Free",
    "on_hold": "Set aside for HITs",
    "paid": "Paid to workers",
    "fees": "Fees",
}
KINDS = {
    "deposit": "Money paid in",
    "hold": "Set aside for a HIT",
    "release": "Given back by a HIT",
    "pay": "Reward",
    "bonus": "Bonus",
}


async def money(desk: Desk) -> Response:
    """GET /requester/money: the account, the form for the payroll, the ledger, newest first."""
    database, page = desk.marketplace.database, desk.page()
    await desk.call("GetAccountBalance")
    account = await database.accounts.find_one({"_id": desk.requester})
    cursor = database.ledger.find({"requester": desk.requester}).sort("at", -1).skip((page - 1) * PAGE)
    found = await cursor.limit(PAGE + 1).to_list()
    first = desk.now.replace(day=1)
    context = {
        "account": account,
        "amounts": NAMES,
        "entries": [(_kind(entry["_id"]), entry) for entry in found[:PAGE]],
        "more": len(found) > PAGE,
        "page": page,
        "since": first.strftime("%Y-%m-%d"),
        "until": desk.now.strftime("%Y-%m-%d"),
    }
    return desk.render("money.html", context)


def _kind(entry: str) -> str:
    kind = entry.partition(":")[0]
    return KINDS.get(kind, kind)


async def payments(desk: Desk) -> Response:
    """GET /requester/payments.csv?from=&to=: per worker what was approved in these days (UTC), both included."""
    asked = desk.request.query_params
    since, until = _day(asked.get("from", "")), _day(asked.get("to", ""))
    if until < since:
        raise FormRefused(400, "The last day is before the first.", "Go back and swap them.")
    rows = await payroll.payments(desk.marketplace.database, desk.requester, since, until + timedelta(days=1))
    name = f"payments-{since:%Y-%m-%d}-to-{until:%Y-%m-%d}.csv"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(payroll.as_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _day(text: str) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return min(day, LAST_DAY)
    except ValueError:
        raise FormRefused(400, "A day is written like 2026-11-28.", "Go back and choose both days.") from None


ROUTES = [
    Route("/requester/money", at_desk(money), methods=["GET"]),
    Route("/requester/payments.csv", at_desk(payments), methods=["GET"]),
]
