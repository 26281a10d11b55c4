"""Categories with their kept counters: no page counts anything."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from active_learning.domain.candidate import State
from active_learning.domain.category import Category
from active_learning.domain.errors import InputError, NotFound
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState
from api.store.connection import Collection, Database, Document, Session

COUNTERS: Mapping[str, Any] = {
    "counts": {state.value: 0 for state in State},
    "decided": {"human_yes": 0, "human_no": 0, "model_yes": 0, "model_no": 0, "gold_yes": 0, "gold_no": 0},
    "validation": {"total": 0, "labeled": 0},
    "gold": {"yes": 0, "no": 0},
    "disputed": 0,
    "wants_votes": {"train": 0, "validation": 0},
    "embedded": 0,
    "money": {"spent_cents": 0, "committed_cents": 0},
    "submissions": {"approved": 0, "rejected": 0, "excluded": 0, "answers": 0},
    "bonuses": {"paid": 0, "refused": 0},
    "pace": {"answers": 0, "visible_ms": 0},
    "wages": {"active_ms": 0, "earned_cents": 0, "submitted": 0, "unfinished": 0},
}
"""Every counter of a category at its birth. ``api.operations.recount`` derives the same tree from the documents."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What an intake decides by: how often the pool has changed by intakes, and how many perceptual hashes it has.

    ``shut`` is how often takedowns have made all intakes look again.
    """

    seed: int
    intakes: int
    hashed: int
    validation_below: float | None
    shut: int = 0


class Categories:
    """One document a category: its definition, its state and its counters."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["categories"]

    async def insert(self, category: Category, now: datetime) -> None:
        """Create it; raises :class:`InputError` when the slug is taken."""
        document = {
            "_id": category.slug,
            "category": category.model_dump(mode="json"),
            "state": CategoryState.OPEN.value,
            "reason": "",
            "phase": "Just created: nothing is planned yet",
            "validation_below": None,
            "backbone": None,
            "rule": None,
            "looks": 0,
            "named": [],
            "intakes": 0,
            "hashed": 0,
            "created_at": now,
            **COUNTERS,
        }
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError as error:
            raise InputError(f"There is already a category '{category.slug}'.", "Choose another slug.") from error

    async def get(self, slug: str, session: Session | None = None) -> Document:
        """The document, or :class:`NotFound`."""
        document = await self.collection.find_one({"_id": slug}, session=session)
        if document is None:
            raise no_category(slug)
        return document

    async def definition(self, slug: str) -> Category:
        """The typed part of the document."""
        return Category.model_validate((await self.get(slug))["category"])

    async def pace(self, slug: str) -> tuple[int, int]:
        """(answers, milliseconds that people looked at their images), over all submissions that were used."""
        document = await self.collection.find_one({"_id": slug}, {"pace": 1})
        found = (document or {}).get("pace") or COUNTERS["pace"]
        return int(found["answers"]), int(found["visible_ms"])

    async def all(self) -> list[Document]:
        """Every category, oldest first."""
        return await self.collection.find().sort("created_at").to_list()

    async def open_slugs(self) -> list[str]:
        """The categories that the loop works on."""
        found = self.collection.find({"state": CategoryState.OPEN.value}, {"_id": 1}).sort("_id")
        return [document["_id"] async for document in found]

    async def count(self, slug: str, changes: Mapping[str, int], session: Session | None = None) -> None:
        """Add ``changes`` (dotted counter -> difference), in the transaction that makes them true."""
        wanted = {name: value for name, value in changes.items() if value}
        if wanted:
            await self.collection.update_one({"_id": slug}, {"$inc": wanted}, session=session)

    async def gate(self, slug: str) -> Gate:
        """What an intake rests on; raises :class:`NotFound`."""
        fields = dict.fromkeys(("category.seed", "intakes", "hashed", "validation_below", "shut"), 1)
        document = await self.collection.find_one({"_id": slug}, fields)
        if document is None:
            raise no_category(slug)
        return Gate(
            seed=document["category"].get("seed", 0),
            intakes=document["intakes"],
            hashed=document["hashed"],
            validation_below=document["validation_below"],
            shut=document.get("shut", 0),
        )

    async def pass_gate(self, slug: str, gate: Gate, hashed: int, changes: Mapping[str, int], session: Session) -> bool:
        """Add ``changes`` and ``hashed`` new hashes, unless the pool has changed since ``gate`` was read."""
        counts = {name: value for name, value in {**changes, "hashed": hashed}.items() if value}
        result = await self.collection.update_one(
            {"_id": slug, "intakes": gate.intakes, "validation_below": gate.validation_below},
            {"$inc": {**counts, "intakes": 1}},
            session=session,
        )
        return result.modified_count == 1

    async def shut_gates(self, session: Session) -> None:
        """Make every intake that is under way look again before it adds anything."""
        await self.collection.update_many({}, {"$inc": {"intakes": 1, "shut": 1}}, session=session)

    async def forget(self, slug: str, images: Sequence[str], session: Session) -> None:
        """Let images teach no more: they are neither examples nor lessons from now on."""
        gone = {"image": {"$in": list(images)}}
        await self.collection.update_one(
            {"_id": slug}, {"$pull": {"category.examples": gone, "category.lessons": gone}}, session=session
        )

    async def put(self, slug: str, fields: Mapping[str, Any], session: Session | None = None) -> None:
        """Set plain fields."""
        await self.collection.update_one({"_id": slug}, {"$set": dict(fields)}, session=session)

    async def replace_policy(self, slug: str, policy: Policy, before: int, session: Session) -> bool:
        """Put a policy in force in the place of version ``before``; ``False`` where another one is in force."""
        only = {"_id": slug, "category.policy.version": before}
        result = await self.collection.update_one(
            only, {"$set": {"category.policy": policy.model_dump(mode="json")}}, session=session
        )
        return result.matched_count == 1

    async def enter(
        self, slug: str, state: CategoryState, reason: str, out_of: Sequence[CategoryState], before: str = ""
    ) -> bool:
        """Enter a state out of one of ``out_of``; ``False`` where the category is in none of them.

        ``before`` is what an archived category was, for the day when it is fetched back.
        """
        result = await self.collection.update_one(
            {"_id": slug, "state": {"$in": [one.value for one in out_of]}},
            {"$set": {"state": state.value, "reason": reason, "before": before}},
        )
        return result.matched_count == 1

    async def page(self, after: str | None, limit: int) -> list[Document]:
        """Up to ``limit`` categories behind ``after``, by slug."""
        only: Document = {} if after is None else {"_id": {"$gt": after}}
        return await self.collection.find(only).sort("_id").limit(limit).to_list()

    async def put_once(self, slug: str, field: str, value: Any, session: Session | None = None) -> bool:
        """Set ``field`` if it is still empty; say whether this call did it."""
        result = await self.collection.update_one({"_id": slug, field: None}, {"$set": {field: value}}, session=session)
        return result.modified_count == 1

    async def next_look(self, slug: str, session: Session | None = None) -> int:
        """Spend the next look of the error budget: 1, 2, 3, ... Never given back."""
        document = await self.collection.find_one_and_update(
            {"_id": slug}, {"$inc": {"looks": 1}}, return_document=ReturnDocument.AFTER, session=session
        )
        if document is None:
            raise NotFound(f"There is no category '{slug}'.")
        return int(document["looks"])

    async def changes(self, slug: str) -> AsyncGenerator[Document, None]:
        """A change stream: one item whenever the category's document changes or one of its jobs gets further."""
        # A slug has nothing that a regular expression would read otherwise: see ``domain.category.Slug``.
        own = {"ns.coll": self.collection.name, "documentKey._id": slug}
        jobs = {
            "ns.coll": "jobs",
            "documentKey._id": {"$regex": f"^[a-z_]+:{slug}(:|$)"},
            "updateDescription.updatedFields.progress": {"$exists": True},
        }
        stream = await self.collection.database.watch([{"$match": {"$or": [own, jobs]}}], max_await_time_ms=1_000)
        async with stream:
            async for change in stream:
                yield dict(change)


def no_category(slug: str) -> NotFound:
    """The error for a category that does not exist."""
    return NotFound(f"There is no category '{slug}'.", "`./winnow category list` shows those that exist.")
