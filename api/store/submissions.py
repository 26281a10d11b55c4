"""Submissions, verdicts and labels: inserted once, never changed. Everything derived can be recomputed from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from active_learning.domain.label import Label
from active_learning.domain.submission import Submission
from active_learning.domain.verdict import Record, Verdict
from api.store.connection import Collection, Database, Document, Session, insert_new
from api.store.shards import Shard


class Submissions:
    """The finished answers of each assignment."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["submissions"]

    async def insert(self, submission: Submission, session: Session) -> None:
        """Insert it; raises ``DuplicateKeyError`` for a second one of the same assignment."""
        document = submission.model_dump(exclude={"id"})
        await self.collection.insert_one({"_id": submission.id, **document}, session=session)

    async def get(self, identifier: str) -> Submission | None:
        """One submission."""
        document = await self.collection.find_one({"_id": identifier})
        return None if document is None else _submission(document)

    async def newest(
        self, category: str, annotator: str, after: tuple[datetime, str] | None, limit: int
    ) -> list[Submission]:
        """Submissions of somebody in a category, the newest first, from the last one seen on.

        Somebody has hundreds of them at most: they are sorted in memory.
        """
        only: Document = {"category": category, "annotator": annotator}
        if after is not None:
            at, identifier = after
            only["$or"] = [{"submitted_at": {"$lt": at}}, {"submitted_at": at, "_id": {"$lt": identifier}}]
        found = self.collection.find(only).sort([("submitted_at", -1), ("_id", -1)]).limit(limit)
        return [_submission(document) async for document in found]

    async def beside(self, one: Submission) -> tuple[str | None, str | None]:
        """The ids of somebody's submissions to a category just before and just after this one."""
        mine = {"category": one.category, "annotator": one.annotator}
        found = []
        for beyond, direction in (("$lt", -1), ("$gt", 1)):
            rest = [
                {"submitted_at": {beyond: one.submitted_at}},
                {"submitted_at": one.submitted_at, "_id": {beyond: one.id}},
            ]
            order = [("submitted_at", direction), ("_id", direction)]
            document = await self.collection.find_one({**mine, "$or": rest}, {"_id": 1}, sort=order)
            found.append(None if document is None else str(document["_id"]))
        return found[0], found[1]

    async def of(self, identifiers: Sequence[str]) -> list[Submission]:
        """Several submissions, in the order of their ids: the same order in every run."""
        found = self.collection.find({"_id": {"$in": list(identifiers)}}).sort("_id")
        return [_submission(document) async for document in found]


class Verdicts:
    """What the gold check said of each submission."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["verdicts"]

    async def insert(self, verdict: Verdict, category: str, annotator: str, session: Session) -> bool:
        """Insert it once; say whether this call did it."""
        document = {
            "_id": verdict.submission,
            "category": category,
            "annotator": annotator,
            **verdict.model_dump(exclude={"submission"}),
        }
        if await self.collection.find_one({"_id": verdict.submission}, {"_id": 1}, session=session):
            return False
        await self.collection.insert_one(document, session=session)
        return True

    async def get(self, submission: str) -> Verdict | None:
        """The verdict on one submission."""
        document = await self.collection.find_one({"_id": submission})
        return None if document is None else _verdict(document)

    async def of(self, identifiers: Sequence[str]) -> list[Verdict]:
        """The verdicts on several submissions."""
        found = self.collection.find({"_id": {"$in": list(identifiers)}}).sort("_id")
        return [_verdict(document) async for document in found]

    async def record(self, category: str, annotator: str, session: Session) -> Record:
        """An annotator's answers to hidden gold so far, whether they were used or not."""
        counts = ("gold", "correct", "gold_yes", "correct_yes")
        pipeline: list[Document] = [
            {"$match": {"category": category, "annotator": annotator}},
            {"$group": {"_id": None, **{name: {"$sum": f"${name}"} for name in counts}}},
        ]
        cursor = await self.collection.aggregate(pipeline, session=session)
        rows = await cursor.to_list()
        return Record(**{name: rows[0][name] for name in counts}) if rows else Record()

    async def used(self, category: str) -> list[str]:
        """The ids of submissions whose answers may be used, sorted."""
        found = self.collection.find({"category": category, "use": True}, {"_id": 1}).sort("_id")
        return [document["_id"] async for document in found]

    async def by_annotator(self, category: str) -> dict[str, tuple[int, int]]:
        """For each annotator of a category (used, excluded) submissions."""
        pipeline: list[Document] = [
            {"$match": {"category": category}},
            {"$group": {"_id": "$annotator", "used": {"$sum": {"$cond": ["$use", 1, 0]}}, "all": {"$sum": 1}}},
        ]
        cursor = await self.collection.aggregate(pipeline)
        return {d["_id"]: (d["used"], d["all"] - d["used"]) async for d in cursor}


class Labels:
    """Every decision ever made; the newest of a candidate is in force."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["labels"]

    async def insert(self, labels: Sequence[Label], session: Session) -> None:
        """Insert decisions. Ids are deterministic, so a repeated step fails instead of deciding twice."""
        if labels:
            documents = [{"_id": label.id, **label.model_dump(exclude={"id"})} for label in labels]
            await self.collection.insert_many(documents, session=session)

    async def insert_alike(
        self, pattern: Label, suffix: str, scores: Mapping[str, float | None], session: Session | None
    ) -> None:
        """Insert one decision about many images: ``pattern``, with each image's own id and score.

        A model decides about a million images at once; checking a million equal labels would take longer than
        storing them. Without a session, what is there already stays as it is.
        """
        if not scores:
            return
        common = pattern.model_dump(exclude={"id", "image", "provenance"})
        documents = [
            {
                "_id": f"{pattern.category}:{image}:{suffix}",
                "image": image,
                **common,
                "provenance": {**pattern.provenance, "score": score},
            }
            for image, score in scores.items()
        ]
        if session is None:
            await insert_new(self.collection, documents)
        else:
            await self.collection.insert_many(documents, ordered=False, session=session)

    async def history(self, category: str, image: str) -> list[Label]:
        """All decisions on one candidate, oldest first."""
        found = self.collection.find({"category": category, "image": image}).sort([("decided_at", 1), ("_id", 1)])
        return [_label(document) async for document in found]

    async def as_of(self, category: str, shard: Shard, moment: datetime) -> dict[str, Label]:
        """The decision that was in force at ``moment`` for each image of a key range; none where it was taken back."""
        within = {"$gte": shard.first, "$lte": shard.last}
        only = {"category": category, "image": within, "decided_at": {"$lte": moment}}
        newest: dict[str, Document] = {}
        async for document in self.collection.find(only).sort([("image", 1), ("decided_at", 1)]):
            before = newest.get(document["image"])
            if before is None or (before["decided_at"], before["_id"]) < (document["decided_at"], document["_id"]):
                newest[document["image"]] = document
        return {image: _label(document) for image, document in newest.items() if document["value"] is not None}

    async def newest(self, category: str, images: Sequence[str]) -> dict[str, Label]:
        """The decision in force for each of ``images``."""
        found = self.collection.find({"category": category, "image": {"$in": list(images)}})
        newest: dict[str, Label] = {}
        async for document in found.sort([("decided_at", 1), ("_id", 1)]):
            newest[document["image"]] = _label(document)
        return newest


def _submission(document: Document) -> Submission:
    return Submission.model_validate({"id": document["_id"], **{k: v for k, v in document.items() if k != "_id"}})


def _verdict(document: Document) -> Verdict:
    fields = {k: v for k, v in document.items() if k not in ("_id", "category", "annotator")}
    return Verdict.model_validate({"submission": document["_id"], **fields})


def _label(document: Document) -> Label:
    return Label.model_validate({"id": document["_id"], **{k: v for k, v in document.items() if k != "_id"}})


__all__ = ["DuplicateKeyError", "Labels", "Submissions", "Verdicts"]
