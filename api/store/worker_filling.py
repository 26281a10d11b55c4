"""What databases of before lack about people: their kept sums, from submissions and verdicts. Safe to run twice."""

from collections.abc import AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING

from active_learning.domain.submission import Submission
from active_learning.domain.verdict import Verdict
from api.store.connection import Database, Document
from api.store.workers import EVERYBODY, EVERYWHERE, RECORD, SUMS, Workers

if TYPE_CHECKING:
    from active_learning.conduct import Tally


async def fill(database: Database) -> None:
    """Fill a database that has verdicts and no sums yet."""
    if await database["workers"].find_one({}, {"_id": 1}) is None:
        workers = Workers(database)
        for document in (await counted(database)).values():
            await workers.replace(document)


async def counted(database: Database, category: str | None = None) -> dict[str, Document]:
    """The kept sums counted anew, by id: of one category, or of all and of everywhere. Reads every submission."""
    found: dict[str, Document] = {}
    grids: dict[str, bool] = {}
    conduct = import_module("active_learning.conduct")  # what few processes need, and takes a second to load
    async for verdict, submission, at in _judged(database, category):
        tally = conduct.Tally()
        if submission is not None:
            if submission.task not in grids:
                task = await database["tasks"].find_one({"_id": submission.task}, {"presumed": 1}) or {}
                grids[submission.task] = task.get("presumed") is not None
            tally = conduct.tally(submission, not grids[submission.task])
        for scope in (verdict["category"], EVERYWHERE)[: 2 if category is None else 1]:
            who = found.setdefault(f"{scope}:{verdict['annotator']}", _nothing(scope, verdict["annotator"]))
            _add(who, tally, verdict, at)
        if tally.times:
            _count(
                found.setdefault(everybody := f"{verdict['category']}:{EVERYBODY}", {"_id": everybody, "times": {}}),
                tally,
            )
    return found


async def _judged(
    database: Database, category: str | None
) -> AsyncIterator[tuple[Document, Submission | None, object]]:
    """(verdict, submission, moment) of everything that was judged, in the order of the verdicts' ids."""
    only = {} if category is None else {"category": category}
    async for verdict in database["verdicts"].find(only).sort("_id"):
        document = await database["submissions"].find_one({"_id": verdict["_id"]})
        submission = None
        if document is not None:
            fields = {name: value for name, value in document.items() if name in Submission.model_fields}
            submission = Submission.model_validate({"id": document["_id"], **fields})
        yield verdict, submission, verdict.get("at") or (None if submission is None else submission.submitted_at)


def _nothing(scope: str, annotator: str) -> Document:
    numbers = ("submissions", "used", "unpaid", "streak", *SUMS, *RECORD)
    start: Document = {"_id": f"{scope}:{annotator}", "category": scope, "annotator": annotator, "times": {}}
    return {**start, **dict.fromkeys(numbers, 0), "stale": True, "first_at": None, "last_at": None}


def _count(who: Document, tally: "Tally") -> None:
    for bin, n in tally.times.items():
        who["times"][str(bin)] = who["times"].get(str(bin), 0) + n


def _add(who: Document, tally: "Tally", verdict: Document, at: object) -> None:
    record = Verdict.model_validate(
        {"submission": verdict["_id"], **{k: v for k, v in verdict.items() if k in Verdict.model_fields}}
    )
    who["submissions"] += 1
    who["used"] += int(record.use)
    who["unpaid"] += int(not record.pay)
    who["streak"] = max(who["streak"], tally.streak)
    for name in SUMS:
        who[name] += getattr(tally, name)
    for name in RECORD:
        who[name] += getattr(record, name)
    _count(who, tally)
    if tally.pattern:
        who["pattern"] = list(tally.pattern)
    if at is not None:
        who["first_at"] = at if who["first_at"] is None else min(who["first_at"], at)
        who["last_at"] = at if who["last_at"] is None else max(who["last_at"], at)
