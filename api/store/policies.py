"""Versions of policies: inserted once, never changed. The newest is in the category's own document as well."""

from datetime import datetime

from pymongo import DESCENDING

from active_learning.domain.policy import Policy
from api.store.connection import Collection, Database, Document, Session


class Policies:
    """One document a version of a category's policy."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["policies"]

    async def insert(
        self, slug: str, policy: Policy, by: str, why: str, at: datetime, session: Session | None = None
    ) -> None:
        """Keep a version; one that is there already stays as it is."""
        await self.collection.update_one(
            {"_id": f"{slug}:{policy.version}"},
            {
                "$setOnInsert": {
                    "category": slug,
                    "version": policy.version,
                    "policy": policy.model_dump(mode="json"),
                    "by": by,
                    "why": why,
                    "at": at,
                }
            },
            upsert=True,
            session=session,
        )

    async def newest(self, slug: str, before: int | None, limit: int) -> list[Document]:
        """Up to ``limit`` versions below ``before``, the newest first."""
        only: Document = {"category": slug} if before is None else {"category": slug, "version": {"$lt": before}}
        return await self.collection.find(only).sort("version", DESCENDING).limit(limit).to_list()
