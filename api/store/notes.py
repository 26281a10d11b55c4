"""Notes: changes of a category's counters that shards make at the same time.

Two transactions that change one document exclude each other, so shards that all counted in the category's document
would work one after another. Each notes what it changed, in the transaction that changes it, and the notes are added
to the counters a moment later: once each, for adding one and erasing it is again one transaction.
"""

from collections import Counter
from collections.abc import Mapping

from bson import ObjectId

from api.store.connection import Collection, Database, Session


class Notes:
    """One document a change, until it is counted."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["notes"]

    async def add(self, category: str, changes: Mapping[str, int], session: Session) -> None:
        """Note ``changes`` (dotted counter -> difference)."""
        wanted = [[name, difference] for name, difference in changes.items() if difference]
        if wanted:
            await self.collection.insert_one(
                {"_id": ObjectId(), "category": category, "changes": wanted}, session=session
            )

    async def take(self, category: str, session: Session) -> dict[str, int]:
        """Erase the notes of a category and return their sum; the caller counts it in the same transaction."""
        found = await self.collection.find({"category": category}, session=session).to_list()
        total: Counter[str] = Counter()
        for note in found:
            for name, difference in note["changes"]:
                total[name] += difference
        if found:
            await self.collection.delete_many({"_id": {"$in": [note["_id"] for note in found]}}, session=session)
        return dict(total)
