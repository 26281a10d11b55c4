"""Looking through a pool page by page: each page is one short read of an index, from the last key on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING, DESCENDING

from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from api.store.candidates import key
from api.store.connection import Collection, Database, Document

Filter = Mapping[str, Any]
Place = tuple[Any, str]
"""Where a page ends: the last candidate's value of the field that the walk is sorted by, and its image."""

FIELDS = dict.fromkeys(
    (
        *("image", "state", "role", "answer", "source", "gold", "score", "model", "certainty", "task", "draw", "cut"),
        *("votes_wanted", "disputed", "excluded", "chosen_by", "shown", "added_at"),
    ),
    1,
)


@dataclass(frozen=True)
class Walk:
    """A way through a pool: the index that lists what matches ``only``, in the order of ``by`` and then of ``tie``.

    Whatever it is asked for, a page reads no more of the index than it shows. Draws are gone through downwards: the
    smallest are those of validation images, which nobody may choose, so they come last.
    """

    index: str
    only: Filter
    by: str = "draw"
    tie: str = "image"

    @property
    def way(self) -> tuple[int, str]:
        """The direction, and the operator for what lies ahead."""
        return (DESCENDING, "$lt") if self.by == "draw" else (ASCENDING, "$gt")


EVERYTHING = Walk("category_1_draw_1_image_1", {})
EXCLUDED = Walk("excluded", {"excluded.at": {"$exists": True}}, by="image")
DISPUTED = Walk("disputed", {"disputed": True}, by="_id", tie="_id")
WANTED = Walk("wanted", {"votes_wanted": True}, by="_id", tie="_id")
LEAST_SURE = Walk("contested", {"certainty": {"$exists": True}}, by="certainty", tie="_id")


def gold(answers: Sequence[bool]) -> Walk:
    """Images whose answer checks people."""
    return Walk("golden", {"gold": {"$in": list(answers)}})


def unknown(roles: Iterable[Role]) -> Walk:
    """What nobody has decided."""
    return Walk("unknown", {"state": State.UNKNOWN.value, "role": {"$in": [role.value for role in roles]}})


def decided(answers: Sequence[bool], sources: Iterable[Source]) -> Walk:
    """What was decided, by whom."""
    return Walk("decided", {"answer": {"$in": list(answers)}, "source": {"$in": [source.value for source in sources]}})


def with_people(state: State) -> Walk:
    """What is selected or posted."""
    return Walk("asked", {"state": state.value})


def asked_in(first: str, end: str) -> Walk:
    """What was asked last in a task whose id lies between ``first`` and ``end``, in the order of tasks."""
    return Walk("asked_in", {"task": {"$gte": first, "$lt": end}}, by="task")


class Browsing:
    """Pages of a pool."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["candidates"]

    async def page(self, category: str, walk: Walk, after: Place | None, size: int) -> list[Document]:
        """The next ``size`` candidates of a walk, after the place where the page before it ended."""
        found: list[Document] = []
        for beyond in _beyond(category, walk, after):
            if len(found) < size:
                only = (
                    {"category": category, "$and": [walk.only, beyond]}
                    if beyond
                    else {"category": category, **walk.only}
                )
                cursor = self.collection.find(only, FIELDS, hint=walk.index, batch_size=size)
                order = [(field, walk.way[0]) for field in dict.fromkeys((walk.by, walk.tie))]
                found += await cursor.sort(order).limit(size - len(found)).to_list()
        return found

    async def some(self, category: str, images: Sequence[str]) -> dict[str, Document]:
        """These candidates, by image; what is not in the pool is missing."""
        found = self.collection.find({"_id": {"$in": [key(category, image) for image in images]}}, FIELDS)
        return {document["image"]: document async for document in found}


def place(walk: Walk, document: Document) -> Place:
    """Where a page that ends with this candidate ends."""
    return document[walk.by], document["image"]


def _beyond(category: str, walk: Walk, after: Place | None) -> list[Document]:
    """What follows a place: the rest of those of equal value, then what lies beyond; each is a range of the index."""
    if after is None:
        return [{}]
    value, image = after
    _, ahead = walk.way
    tie = key(category, image) if walk.tie == "_id" else image
    if walk.by == walk.tie:
        return [{walk.tie: {ahead: tie}}]
    return [{walk.by: value, walk.tie: {ahead: tie}}, {walk.by: {ahead: value}}]
