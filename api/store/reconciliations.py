"""What comparing the ledger with a market has found: the newest comparison of a category, and HITs that agree."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.store.connection import Collection, Database, Document


class Reconciliations:
    """One document a category; and one a HIT that agreed, with the sign of how both sides stood then.

    A HIT whose sign has not changed need not be looked into at once. Some things change no sign, such as a bonus that
    somebody gives at the market's own site: so all of them come round again, a few at a time.
    """

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["reconciliations"]
        self.agreed: Collection = database["agreed_hits"]

    async def put(self, category: str, fields: Mapping[str, Any]) -> None:
        """Note the outcome of a comparison; the one before is forgotten."""
        await self.collection.replace_one({"_id": category}, dict(fields), upsert=True)

    async def all(self) -> list[Document]:
        """The newest comparison of every category."""
        return await self.collection.find({}).sort("_id").to_list()

    async def signs(self, category: str, before: datetime, again: int) -> dict[str, str]:
        """HIT -> how both sides stood when they agreed last, but for those whose turn it is to be looked into again.

        These are the ``again`` that agreed longest ago, and before this moment.
        """
        found = await self.agreed.find({"category": category}).sort("at").to_list()
        due = {one["_id"] for one in found[:again] if one["at"] < before}
        return {one["_id"]: one["sign"] for one in found if one["_id"] not in due}

    async def agree(self, category: str, hit: str, sign: str, now: datetime) -> None:
        """Note that both sides agree about a HIT."""
        fields = {"category": category, "sign": sign, "at": now}
        await self.agreed.update_one({"_id": hit}, {"$set": fields}, upsert=True)
