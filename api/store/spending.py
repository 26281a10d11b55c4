"""What was spent on which day for what: kept when the market has paid, so that no page adds up a ledger."""

from active_learning.domain.value import Value
from api.store.connection import Collection, Database, Document, Session
from api.store.payments import KINDS, Kind


class Spent(Value):
    """Acts of one kind on one day in one category: how many, what they cost, and what of it people got."""

    category: str
    day: str
    kind: Kind
    acts: int
    cents: int
    people_cents: int


class Spending:
    """One document a category and day (``2026-03-01``, UTC)."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["spending"]

    async def count(self, category: str, day: str, kind: Kind, cents: tuple[int, int], session: Session) -> None:
        """Add one act: (what it cost, what of it a person got)."""
        await self.collection.update_one(
            {"_id": f"{category}:{day}"},
            {
                "$set": {"category": category, "day": day},
                "$inc": {f"{kind}.acts": 1, f"{kind}.cents": cents[0], f"{kind}.people_cents": cents[1]},
            },
            upsert=True,
            session=session,
        )

    async def since(self, day: str, category: str | None = None) -> list[Spent]:
        """What was spent from ``day`` on, in the order of days, categories and kinds."""
        only: Document = {"day": {"$gte": day}} if category is None else {"category": category, "day": {"$gte": day}}
        found = self.collection.find(only).sort([("day", 1), ("category", 1)])
        return [spent async for document in found for spent in _spent(document)]


def _spent(document: Document) -> list[Spent]:
    return [
        Spent(category=document["category"], day=document["day"], kind=kind, **document[kind])
        for kind in KINDS
        if kind in document
    ]
