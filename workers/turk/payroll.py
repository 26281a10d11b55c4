"""Who is to be paid how much: a requester's rewards and bonuses of a period, for the payroll outside."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.turk.database import Database, Document
from workers.turk.money import dollars
from workers.turk.states import AssignmentState

HEADER = ("name", "WorkerId", "approved assignments", "rewards USD", "bonuses USD", "total USD")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(slots=True)
class Pay:
    """What one worker is to be paid, in cents."""

    worker: str
    name: str = ""
    assignments: int = 0
    rewards: int = 0
    bonuses: int = 0

    @property
    def total(self) -> int:
        """Rewards and bonuses."""
        return self.rewards + self.bonuses


async def payments(database: Database, requester: str, since: datetime, until: datetime) -> list[Pay]:
    """Per worker what was approved, and granted as a bonus, from ``since`` to before ``until``; by name."""
    period = {"$gte": since, "$lt": until}
    approved: dict[str, Any] = {"requester": requester, "state": AssignmentState.APPROVED, "approved_at": period}
    granted: dict[str, Any] = {"requester": requester, "granted_at": period}
    found: dict[str, Pay] = {}
    summed = await database.assignments.aggregate(_sums(approved, "$reward"))
    rewards: list[Document] = await summed.to_list()  # type: ignore[assignment]
    for row in rewards:
        found[row["_id"]] = Pay(row["_id"], assignments=row["count"], rewards=row["cents"])
    for row in await (await database.bonuses.aggregate(_sums(granted, "$amount"))).to_list():
        found.setdefault(row["_id"], Pay(row["_id"])).bonuses = row["cents"]
    async for worker in database.workers.find({"_id": {"$in": list(found)}}, {"name": 1}):
        found[worker["_id"]].name = worker["name"]
    return sorted(found.values(), key=lambda pay: (pay.name.casefold(), pay.worker))


def as_csv(rows: Iterable[Pay]) -> str:
    """The rows as a spreadsheet reads them: a name that it would take for a formula is made a text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for pay in rows:
        amounts = (dollars(pay.rewards), dollars(pay.bonuses), dollars(pay.total))
        writer.writerow([defused(pay.name), pay.worker, pay.assignments, *amounts])
    return text.getvalue()


def defused(text: str) -> str:
    """The text, with an apostrophe before what begins like a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _sums(wanted: dict[str, Any], amount: str) -> list[dict[str, Any]]:
    return [
        {"$match": wanted},
        {"$group": {"_id": "$worker", "cents": {"$sum": amount}, "count": {"$sum": 1}}},
    ]
