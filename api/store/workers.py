"""How people work: kept sums of each annotator, flags that wait for a person, acts at the market about somebody."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pymongo import ASCENDING, DESCENDING

from active_learning.domain.verdict import Verdict
from api.store.connection import Collection, Database, Document, Session

if TYPE_CHECKING:  # it loads SciPy's distributions, which takes a second: download nodes never need them
    from active_learning.conduct import Finding, Tally

EVERYWHERE = "*"
"""Stands for the category in the sums over all of them: no slug looks so."""

EVERYBODY = "*"
"""Stands for the annotator in a category's histogram of everybody's times."""

ORDERS: Mapping[str, tuple[str, int]] = {
    "last": ("order.last", DESCENDING),
    "submissions": ("order.submissions", DESCENDING),
    "accuracy": ("order.accuracy", ASCENDING),
    "speed": ("order.pace", ASCENDING),
}
"""Ways to sort: kept field and direction."""

FlagState = Literal["open", "confirmed", "dismissed"]
MarketAct = Literal["block", "unblock", "notify"]

SUMS = ("answers", "yes", "hidden_ms", "changes", "timed", "log_s", "log_s2")
RECORD = ("gold", "correct", "gold_yes", "correct_yes")


class Wanted(NamedTuple):
    """Which annotators of a list, and in which order. ``after`` is the (value, id) of the last one seen."""

    category: str = EVERYWHERE
    flag: str = ""
    blocked: bool = False
    order: str = "last"
    after: tuple[Any, str] | None = None
    limit: int = 50


class Workers:
    """One document an annotator and category, and one for all categories together: sums of judged submissions."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["workers"]

    async def add(
        self, category: str, annotator: str, tally: "Tally", verdict: Verdict, at: datetime, session: Session | None
    ) -> None:
        """Add a submission that has just been judged, in the transaction that inserts its verdict."""
        for scope in (category, EVERYWHERE):
            key = {"_id": f"{scope}:{annotator}"}
            changes: Document = {
                "$inc": {
                    "submissions": 1,
                    "used": int(verdict.use),
                    "unpaid": int(not verdict.pay),
                    **{name: getattr(tally, name) for name in SUMS},
                    **{name: getattr(verdict, name) for name in RECORD},
                    **{f"times.{bin}": n for bin, n in tally.times.items()},
                },
                "$max": {"streak": tally.streak, "last_at": at},
                "$min": {"first_at": at},
                "$setOnInsert": {"category": scope, "annotator": annotator},
                "$set": {
                    "stale": scope != EVERYWHERE,
                    **({"pattern": list(tally.pattern)} if tally.pattern else {}),
                },
            }
            await self.collection.update_one(key, changes, upsert=True, session=session)
            await self.collection.update_one(key, [{"$set": {"order": _ORDER}}], session=session)
        if tally.times:
            # No category of its own: it stands in no list.
            await self.collection.update_one(
                {"_id": f"{category}:{EVERYBODY}"},
                {"$inc": {f"times.{bin}": n for bin, n in tally.times.items()}},
                upsert=True,
                session=session,
            )

    async def get(self, category: str, annotator: str) -> Document | None:
        """The sums of one annotator in one category, or :data:`EVERYWHERE`."""
        return await self.collection.find_one({"_id": f"{category}:{annotator}"})

    async def of(self, annotator: str) -> list[Document]:
        """The sums of one annotator in every category, and everywhere, by category."""
        return await self.collection.find({"annotator": annotator}).sort("category").to_list()

    async def several(self, category: str, annotators: Sequence[str]) -> list[Document]:
        """The sums of these annotators, in the order of their ids."""
        wanted = [f"{category}:{annotator}" for annotator in annotators]
        return await self.collection.find({"_id": {"$in": wanted}}).sort("_id").to_list()

    async def page(self, wanted: Wanted) -> list[Document]:
        """Annotators in the wanted order, from the last one seen on."""
        field, direction = ORDERS[wanted.order]
        only: Document = {"category": wanted.category}
        if wanted.flag:
            only[f"flags.{wanted.flag}"] = {"$gt": 0}
        if wanted.blocked:
            only["blocked"] = True
        if wanted.after is not None:
            value, identifier = wanted.after
            beyond = "$gt" if direction == ASCENDING else "$lt"
            only["$or"] = [{field: {beyond: value}}, {field: value, "_id": {"$gt": identifier}}]
        found = self.collection.find(only).sort([(field, direction), ("_id", ASCENDING)])
        return await found.limit(wanted.limit).to_list()

    async def times(self, category: str) -> dict[str, int]:
        """The histogram of everybody's times in a category: bin -> answers."""
        document = await self.collection.find_one({"_id": f"{category}:{EVERYBODY}"}, {"times": 1})
        return {bin: int(n) for bin, n in ((document or {}).get("times") or {}).items()}

    async def all_of(self, category: str) -> AsyncIterator[Document]:
        """Every annotator of a category, for an export."""
        async for document in self.collection.find({"category": category}).sort("_id"):
            yield document

    async def stale(self, category: str, limit: int) -> list[Document]:
        """Annotators who have submitted something since they were last looked at, the longest waiting first."""
        return await self.collection.find({"category": category, "stale": True}).sort("last_at").limit(limit).to_list()

    async def looked_at(self, category: str, annotator: str, submissions: int, agreement: Mapping[str, int]) -> None:
        """Note that the first ``submissions`` were looked at, and how far they agree with what was decided."""
        key = {"_id": f"{category}:{annotator}"}
        await self.collection.update_one(key, {"$set": {"agreement": dict(agreement)}})
        total = dict.fromkeys(agreement, 0)
        async for one in self.collection.find({"annotator": annotator, "category": {"$ne": EVERYWHERE}}):
            for name, n in (one.get("agreement") or {}).items():
                total[name] += n
        await self.collection.update_one({"_id": f"{EVERYWHERE}:{annotator}"}, {"$set": {"agreement": total}})
        await self.collection.update_one({**key, "submissions": submissions}, {"$set": {"stale": False}})

    async def look_again(self, category: str) -> None:
        """Let everybody of a category be looked at again: more is known about the images that they answered."""
        await self.collection.update_many({"category": category, "stale": False}, {"$set": {"stale": True}})

    async def crowd(self, category: str, most: int) -> list[Document]:
        """What others are compared with: mean log times, patterns and agreement of those who worked last."""
        fields = dict.fromkeys(("annotator", "timed", "log_s", "pattern", "agreement", "gold", "correct"), 1)
        found = self.collection.find({"category": category}, fields).sort([("order.last", DESCENDING), ("_id", 1)])
        return await found.limit(most).to_list()

    async def put_blocked(self, annotator: str, blocked: bool, session: Session) -> None:
        """Note in every category whether somebody is blocked."""
        await self.collection.update_many({"annotator": annotator}, {"$set": {"blocked": blocked}}, session=session)

    async def count_flags(self, category: str, annotator: str, changes: Mapping[str, int], session: Session) -> None:
        """Add to the counters of flags, in the category and everywhere."""
        for scope in (category, EVERYWHERE):
            await self.collection.update_one(
                {"_id": f"{scope}:{annotator}"},
                {"$inc": {f"flags.{state}": n for state, n in changes.items()}},
                session=session,
            )

    async def replace(self, document: Document) -> None:
        """Put recounted sums in the place of the kept ones; flags and blocks stay."""
        await self.collection.update_one({"_id": document["_id"]}, {"$set": document}, upsert=True)
        if "category" in document:
            await self.collection.update_one({"_id": document["_id"]}, [{"$set": {"order": _ORDER}}])


_ORDER: Document = {
    "last": "$last_at",
    "submissions": "$submissions",
    # Who has no gold or no time comes first: there is something to look at.
    "accuracy": {"$cond": [{"$gt": ["$gold", 0]}, {"$divide": ["$correct", "$gold"]}, -1.0]},
    "pace": {"$cond": [{"$gt": ["$timed", 0]}, {"$exp": {"$divide": ["$log_s", "$timed"]}}, -1.0]},
}


class Flags:
    """One document a finding about somebody: a reason to look, until a person has confirmed or dismissed it."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["flags"]

    async def get(self, identifier: str) -> Document | None:
        """One flag."""
        return await self.collection.find_one({"_id": identifier})

    async def put(
        self, category: str, annotator: str, finding: "Finding", submissions: int, now: datetime, session: Session
    ) -> str:
        """Raise a flag, or renew the numbers of an open one; returns the state that it was in before, empty for none.

        What a person has decided stays, until twice as much work speaks against it: then it is open again.
        """
        identifier = ":".join(part for part in (category, annotator, finding.kind, finding.other) if part)
        before = await self.collection.find_one({"_id": identifier}, session=session)
        fields = {"finding": finding.model_dump(mode="json"), "submissions": submissions, "seen_at": now}
        if before is None:
            new = {"category": category, "annotator": annotator, "kind": finding.kind.value, "raised_at": now}
            decision = {"state": "open", "by": "", "note": "", "decided_at": None}
            await self.collection.insert_one({"_id": identifier, **new, **fields, **decision}, session=session)
            return ""
        state = str(before["state"])
        if state == "dismissed" and submissions >= 2 * before["submissions"]:
            fields |= {"state": "open"}
        elif state != "open":
            return "decided"
        await self.collection.update_one({"_id": identifier}, {"$set": fields}, session=session)
        return state

    async def decide(
        self, identifier: str, state: FlagState, by: str, note: str, now: datetime, session: Session
    ) -> str | None:
        """Confirm or dismiss a flag; returns the state before, ``None`` where it was in that state already."""
        before = await self.collection.find_one_and_update(
            {"_id": identifier, "state": {"$ne": state}},
            {"$set": {"state": state, "by": by, "note": note, "decided_at": now}},
            session=session,
        )
        return None if before is None else str(before["state"])

    async def of(self, annotator: str) -> list[Document]:
        """Everything that was noticed about somebody, the newest first."""
        return await self.collection.find({"annotator": annotator}).sort("raised_at", DESCENDING).limit(100).to_list()

    async def open_of(self, annotators: Sequence[str]) -> dict[str, list[str]]:
        """Annotator -> the kinds of open and confirmed flags."""
        only = {"annotator": {"$in": list(annotators)}, "state": {"$in": ["open", "confirmed"]}}
        found: dict[str, list[str]] = {}
        async for document in self.collection.find(only, {"annotator": 1, "kind": 1}).sort("_id"):
            kinds = found.setdefault(document["annotator"], [])
            if document["kind"] not in kinds:
                kinds.append(document["kind"])
        return found


class MarketActs:
    """Acts about somebody that are written down and must be done at the market: block, unblock, write a message."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["market_acts"]

    async def intend(self, identifier: str, act: MarketAct, annotator: str, fields: Document, session: Session) -> bool:
        """Write it down; says whether this call did it."""
        if await self.collection.find_one({"_id": identifier}, {"_id": 1}, session=session):
            return False
        document = {"_id": identifier, "act": act, "annotator": annotator, "done_at": None, "refused": "", **fields}
        await self.collection.insert_one(document, session=session)
        return True

    async def get(self, identifier: str) -> Document | None:
        """One act."""
        return await self.collection.find_one({"_id": identifier})

    async def done(self, identifier: str, now: datetime, refused: str = "") -> None:
        """Note that the market has done it, or why it never will."""
        await self.collection.update_one({"_id": identifier}, {"$set": {"done_at": now, "refused": refused}})

    async def number(self, annotator: str) -> int:
        """How many acts there are about somebody."""
        return await self.collection.count_documents({"annotator": annotator})

    async def of(self, annotator: str) -> list[Document]:
        """The newest twenty acts about somebody, the newest first."""
        found = self.collection.find({"annotator": annotator}).sort([("at", DESCENDING), ("_id", DESCENDING)])
        return await found.limit(20).to_list()
