"""Candidates: the pool of each category. States move only by compare-and-set, along the table of moves."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, UpdateOne

from active_learning.domain.candidate import Role, State, check_move
from active_learning.domain.label import Source
from api.store.connection import Collection, Database, Document, Session, insert_all
from api.store.shards import Shard

Filter = Mapping[str, Any]

WITH_PEOPLE = (State.SELECTED.value, State.POSTED.value, State.LABELED.value)
BUSY: Filter = {
    "$or": [
        {"state": {"$in": WITH_PEOPLE}},
        {"role": Role.VALIDATION.value},
        {"votes_wanted": True},
        {"disputed": True},
    ]
}
"""Candidates that people see, have seen or will see whatever a score says. They are few, and have an index of their
own: what may be selected is everything else."""


def key(category: str, image: str) -> str:
    """The id of the candidate that ``image`` is in ``category``."""
    return f"{category}:{image}"


class Candidates:
    """One document an image and category."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["candidates"]

    async def present(self, category: str, images: Sequence[str], session: Session | None = None) -> set[str]:
        """Those of ``images`` that are candidates already."""
        ids = [key(category, image) for image in images]
        found = self.collection.find({"_id": {"$in": ids}}, {"_id": 1}, session=session)
        start = len(category) + 1
        return {document["_id"][start:] async for document in found}

    async def insert(
        self, category: str, draws: Mapping[str, float], now: datetime, session: Session, below: float | None = None
    ) -> int:
        """Make unknown candidates of ``draws`` (image -> its draw); one that exists ends the transaction.

        Ask :meth:`present` first; raises ``DuplicateKeyError`` when somebody else has made one of them since. Those
        whose draw is less than ``below`` are for validation. Returns how many came in.
        """
        fresh = [
            {
                "_id": key(category, image),
                "category": category,
                "image": image,
                "state": State.UNKNOWN.value,
                "role": (Role.TRAIN if below is None or draw >= below else Role.VALIDATION).value,
                "draw": draw,
                "answer": None,
                "source": None,
                "gold": None,
                "shown": 0,
                "score": None,
                "model": None,
                "task": None,
                "chosen_by": None,
                "votes_wanted": False,
                "disputed": False,
                "embedded": False,
                "added_at": now,
            }
            for image, draw in draws.items()
        ]
        await insert_all(self.collection, fresh, session)
        return len(fresh)

    async def remove(self, category: str, images: Sequence[str], session: Session) -> list[Document]:
        """Take candidates out of the pool for ever; returns them as they were, for the counters."""
        these = {"_id": {"$in": [key(category, image) for image in images]}}
        removed = await self.collection.find(these, session=session).to_list()
        if removed:
            await self.collection.delete_many(these, session=session)
        return removed

    async def move(
        self,
        category: str,
        images: Sequence[str],
        source: State,
        target: State,
        changes: Mapping[str, Any],
        session: Session | None,
        only: Filter | None = None,
    ) -> int:
        """Move those of ``images`` that are in ``source`` to ``target`` and set ``changes``; returns how many moved.

        Raises :class:`IllegalMove` for a move outside the table. The caller keeps the counters in the same
        transaction, from the number returned; without a transaction it has another way to make them true.
        """
        check_move(source, target)
        result = await self.collection.update_many(
            {"_id": {"$in": [key(category, image) for image in images]}, "state": source.value, **(only or {})},
            {"$set": {"state": target.value, **changes}},
            session=session,
        )
        return result.modified_count

    async def mark(
        self, category: str, images: Sequence[str], changes: Mapping[str, Any], session: Session, only: Filter
    ) -> int:
        """Set fields other than the state on those of ``images`` that match ``only``; returns how many changed."""
        result = await self.collection.update_many(
            {"_id": {"$in": [key(category, image) for image in images]}, **only}, {"$set": changes}, session=session
        )
        return result.modified_count

    async def put_certainty(self, category: str, certainty: Mapping[str, float], session: Session) -> None:
        """Note how sure people's answers are: image -> P(the answer is right)."""
        if certainty:
            writes = [
                UpdateOne({"_id": key(category, image)}, {"$set": {"certainty": sure}})
                for image, sure in certainty.items()
            ]
            await self.collection.bulk_write(writes, ordered=False, session=session)

    async def waiting(self, category: str, images: Sequence[str], session: Session) -> dict[str, int]:
        """How many of ``images`` want another opinion, by role, as differences of the counter tree."""
        counts = {
            f"wants_votes.{role}": await self._having(category, images, {"votes_wanted": True, "role": role}, session)
            for role in (Role.TRAIN.value, Role.VALIDATION.value)
        }
        return {name: -n for name, n in counts.items()}

    async def disputed(self, category: str, images: Sequence[str], session: Session) -> int:
        """How many of ``images`` people could not agree on."""
        return await self._having(category, images, {"disputed": True}, session)

    async def _having(self, category: str, images: Sequence[str], only: Filter, session: Session) -> int:
        ids = [key(category, image) for image in images]
        return await self.collection.count_documents({"_id": {"$in": ids}, **only}, session=session)

    async def get(self, category: str, image: str) -> Document | None:
        """One candidate."""
        return await self.collection.find_one({"_id": key(category, image)})

    async def find(
        self, category: str, only: Filter, fields: Iterable[str], limit: int = 0, session: Session | None = None
    ) -> list[Document]:
        """Candidates that match ``only``, in the order of their draws: the same order in every run."""
        projection = dict.fromkeys(fields, 1)
        found = self.collection.find(
            {"category": category, **_indexed(category, only)}, projection, session=session, hint=_hint(only)
        )
        return await found.sort([("draw", ASCENDING), ("image", ASCENDING)]).limit(limit).to_list()

    async def stream(self, category: str, only: Filter, fields: Iterable[str]) -> AsyncIterator[Document]:
        """The same, one by one, for pools that do not fit in memory; in the order of image ids."""
        projection = dict.fromkeys(fields, 1)
        whole = {"_id": Shard(0, 0).keys(category)}
        cursor = self.collection.find({"category": category, **whole, **_indexed(category, only)}, projection)
        async for document in cursor.sort("_id", ASCENDING):
            yield document

    async def within(
        self, category: str, shard: Shard, only: Filter, fields: Iterable[str], hint: str = "_id_"
    ) -> list[Document]:
        """The candidates of a key range that match ``only``, in the order of their ids."""
        projection = {"_id": 0, **dict.fromkeys(fields, 1)}
        found = self.collection.find(
            {"category": category, "_id": shard.keys(category), **only}, projection, hint=hint, batch_size=10_000
        )
        return await found.sort("_id", ASCENDING).to_list()

    async def images(self, category: str, shard: Shard) -> list[str]:
        """The images of a key range, in order; from the index alone."""
        found = self.collection.find({"_id": shard.keys(category)}, {"_id": 1}, batch_size=50_000)
        start = len(category) + 1
        return [document["_id"][start:] for document in await found.sort("_id", ASCENDING).to_list()]

    async def size(self, category: str, shard: Shard) -> int:
        """How many candidates a key range has."""
        return await self.collection.count_documents({"_id": shard.keys(category)})

    async def busy(self, category: str, shard: Shard, fields: Iterable[str]) -> list[Document]:
        """The candidates of a key range that are with people in any way: see ``BUSY``."""
        return await self.within(category, shard, BUSY, fields, hint="busy")

    async def excluded(self, category: str, shard: Shard) -> list[str]:
        """The images of a key range that were excluded by hand."""
        there = {"excluded.at": {"$exists": True}, "image": {"$gte": shard.first, "$lte": shard.last}}
        found = self.collection.find({"category": category, **there}, {"image": 1}, hint="excluded")
        return [document["image"] async for document in found]

    async def excluded_unknown(self, category: str) -> int:
        """How many unknown candidates outside validation were excluded by hand: as many as people chose, so few."""
        only = {"excluded.at": {"$exists": True}, "state": State.UNKNOWN.value, "role": Role.TRAIN.value}
        return await self.collection.count_documents({"category": category, **only}, hint="excluded")

    async def unembedded(self, category: str, shard: Shard) -> list[str]:
        """The images of a key range that have no features yet."""
        found = await self.within(category, shard, {"embedded": False}, ["image"], hint="unembedded")
        return [document["image"] for document in found]

    async def labeled_from(self, category: str, value: bool, start: float, size: int) -> list[str]:
        """``size`` images that the model labeled ``value``, those whose draws follow ``start`` in the circle of draws.

        What is labeled is a matter of the score, and draws are digests: a stretch of them is a random sample.
        """
        images: list[str] = []
        only = {"answer": value, "source": Source.MODEL.value, "state": State.AUTO_LABELED.value}
        for draws in ({"$gte": start}, {"$lt": start}):
            if len(images) < size:
                found = await self.find(category, {**only, "draw": draws}, ["image"], size - len(images))
                images += [document["image"] for document in found]
        return images

    async def audited(self, category: str, only: Filter, fields: Iterable[str]) -> list[Document]:
        """Candidates whose label by the model was drawn for an audit, in the order of their draws."""
        projection = dict.fromkeys(fields, 1)
        found = self.collection.find(
            {"category": category, "audited": {"$exists": True}, **only}, projection, hint="audited"
        )
        return await found.sort([("draw", ASCENDING), ("image", ASCENDING)]).to_list()

    async def sample(self, category: str, size: int, start: str) -> list[str]:
        """The ``size`` images that follow ``start`` in the circle of ids, in the order of their ids.

        Ids are digests, and draws are digests of them: a stretch of ids is a random sample whatever the draws say.
        """
        wanted: list[str] = []
        for keys in ({"$gte": key(category, start), "$lte": Shard(0, 0).keys(category)["$lte"]},
                     {"$gte": Shard(0, 0).keys(category)["$gte"], "$lt": key(category, start)}):  # fmt: skip
            if len(wanted) < size:
                found = self.collection.find({"_id": keys}, {"_id": 1}).sort("_id", ASCENDING)
                some = await found.limit(size - len(wanted)).to_list()
                wanted += [document["_id"][len(category) + 1 :] for document in some]
        return sorted(wanted)

    async def draw_after(self, category: str, n: int) -> float:
        """The draw that exactly ``n`` of the untouched candidates are below; 1 where there are no more than ``n``."""
        found = self.collection.find(
            {"category": category, "state": State.UNKNOWN.value, "role": Role.TRAIN.value}, {"_id": 0, "draw": 1}
        )
        following = await found.sort("draw", ASCENDING).skip(n).limit(1).to_list()
        return float(following[0]["draw"]) if following else 1.0

    async def make_validation(self, category: str, below: float, session: Session) -> int:
        """Give every untouched candidate whose draw is below ``below`` the validation role."""
        result = await self.collection.update_many(
            {
                "category": category,
                "state": State.UNKNOWN.value,
                "role": Role.TRAIN.value,
                "draw": {"$lt": below},
            },
            {"$set": {"role": Role.VALIDATION.value}},
            session=session,
        )
        return result.modified_count

    async def put_scores(self, category: str, scores: Mapping[str, float], model: str) -> None:
        """Write a model's scores."""
        if scores:
            await self.collection.bulk_write(
                [
                    UpdateOne({"_id": key(category, image)}, {"$set": {"score": score, "model": model}})
                    for image, score in scores.items()
                ],
                ordered=False,
            )

    async def count_shown(self, category: str, places: Mapping[str, int], session: Session) -> None:
        """Count assignments that images, gold or not, are put into: image -> how many more."""
        for n in sorted(set(places.values())):
            ids = [key(category, image) for image, more in places.items() if more == n]
            await self.collection.update_many({"_id": {"$in": ids}}, {"$inc": {"shown": n}}, session=session)

    async def shown(self, category: str, images: Sequence[str]) -> dict[str, int]:
        """How many assignments each of ``images`` was put into."""
        ids = [key(category, image) for image in images]
        found = self.collection.find({"_id": {"$in": ids}}, {"image": 1, "shown": 1})
        return {document["image"]: document["shown"] async for document in found}

    async def gold(self, category: str) -> list[Document]:
        """Everything whose answer is known: image, gold, shown; in the order of draws."""
        return await self.find(category, {"gold": {"$ne": None}}, ["image", "gold", "shown"])

    async def most_shown(self, category: str, gold: bool | None) -> int:
        """The most assignments that any image was put into: of yes gold, of no gold, or of images that are not gold."""
        found = await self.collection.find_one(
            {"category": category, "gold": gold}, {"shown": 1}, sort=[("shown", DESCENDING)]
        )
        return 0 if found is None else int(found["shown"])

    async def recount(self, category: str) -> list[Document]:
        """Group the pool by everything that counters are kept of. Only for checks: it reads the whole pool."""
        fields = ("state", "role", "answer", "source", "gold", "votes_wanted", "disputed", "embedded")
        pipeline: list[Document] = [
            {"$match": {"category": category}},
            {"$group": {"_id": {name: f"${name}" for name in fields}, "n": {"$sum": 1}}},
        ]
        cursor = await self.collection.aggregate(pipeline)
        return await cursor.to_list()


def _indexed(category: str, only: Filter) -> Document:
    """The same condition in words that an index knows: ids for images, and a role for what is unknown."""
    wanted = dict(only)
    images = wanted.get("image")
    if isinstance(images, Mapping) and "$in" in images:
        wanted["_id"] = {"$in": [key(category, image) for image in images["$in"]]}
        del wanted["image"]
    elif wanted.get("state") == State.UNKNOWN.value:
        wanted.setdefault("role", {"$in": [role.value for role in Role]})
    return wanted


def _hint(only: Filter) -> str | None:
    """Few are busy with people: their own index finds them without passing through the pool."""
    asked = only.get("role") == Role.VALIDATION.value or only.get("votes_wanted") is True
    return "busy" if asked and "image" not in only else None
