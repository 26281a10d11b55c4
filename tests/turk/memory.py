"""The marketplace's collections in memory: the calls that its moves make, answered as MongoDB answers them.

It shows every single write, also those within one transaction, and replays a red world often enough to find its fewest
steps. Whatever it does not know it refuses with NotImplementedError: nothing passes because it was not understood. The
laws are tried on a real mongod as well (deploy/decisions/0021-laws-on-mongodb-and-in-memory.md).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, WriteError

from workers.turk.database import COLLECTIONS

Document = dict[str, Any]
Watch = Callable[[str, Document | None, Document | None], None]

Test = tuple[str, Callable[[Any, Any], bool], Any]
_MISSING = object()
_COMPARING: Mapping[str, Callable[[Any, Any], bool]] = {
    "$lte": lambda value, bound: value is not None and value is not _MISSING and value <= bound,
    "$gte": lambda value, bound: value is not None and value is not _MISSING and value >= bound,
    "$gt": lambda value, bound: value is not None and value is not _MISSING and value > bound,
    "$in": lambda value, some: value in some,
    "$exists": lambda value, there: (value is not _MISSING) == there,
}


def _equals(value: Any, wanted: Any) -> bool:
    return wanted is None if value is _MISSING else value == wanted


def tests(query: Mapping[str, Any]) -> list[Test]:
    """What a document is looked at for. Raises NotImplementedError for what is not known here."""
    found: list[Test] = []
    for name, wanted in query.items():
        if name == "$or":
            found.append((name, _any, [tests(one) for one in wanted]))
        elif name.startswith("$") or "." in name:
            raise NotImplementedError(name)
        elif type(wanted) is not dict:
            found.append((name, _equals, wanted))
        else:
            for operator, value in wanted.items():
                if operator not in _COMPARING:
                    raise NotImplementedError(operator)
                found.append((name, _COMPARING[operator], value))
    return found


def passes(document: Document, wanted: list[Test]) -> bool:
    for name, holds, value in wanted:
        if not holds(document if name == "$or" else document.get(name, _MISSING), value):
            return False
    return True


def _any(document: Document, some: list[list[Test]]) -> bool:
    return any(passes(document, one) for one in some)


def changed(document: Document, update: Mapping[str, Mapping[str, Any]], new: bool) -> Document:
    after = dict(document)
    for operator, values in update.items():
        if operator == "$set" or (operator == "$setOnInsert" and new):
            after.update(values)
        elif operator == "$inc":
            for name, by in values.items():
                after[name] = after.get(name, 0) + by
        elif operator == "$unset":
            for name in values:
                after.pop(name, None)
        elif operator != "$setOnInsert":
            raise NotImplementedError(operator)
    return after


class Cursor:
    """What ``find`` gives: sorted, cut, and read to its end."""

    def __init__(self, found: list[Document]) -> None:
        self.found = found

    def sort(self, name: str, direction: int) -> "Cursor":
        self.found.sort(key=lambda document: document[name], reverse=direction < 0)
        return self

    def limit(self, count: int) -> "Cursor":
        self.found = self.found[:count]
        return self

    async def to_list(self) -> list[Document]:
        return self.found

    async def __aiter__(self) -> AsyncIterator[Document]:
        for document in self.found:
            yield document


class Collection:
    """One collection."""

    def __init__(self, name: str, home: "MemoryDatabase") -> None:
        self.name = name
        self.home = home
        self.documents: dict[str, Document] = {}

    def _found(self, query: Mapping[str, Any]) -> Iterable[Document]:
        wanted, identifier = tests(query), query.get("_id")
        if isinstance(identifier, str):
            document = self.documents.get(identifier)
            return (document,) if document is not None and passes(document, wanted) else ()
        return [document for document in self.documents.values() if passes(document, wanted)]

    def _first(self, query: Mapping[str, Any]) -> Document | None:
        return next(iter(self._found(query)), None)

    def _put(self, document: Document, before: Document | None) -> None:
        _check(self.name, document)
        if before is None and (document["_id"] in self.documents or self._taken(document)):
            raise DuplicateKeyError(f"{self.name} has {document['_id']}")
        self.home.undo.append((self, document["_id"], before))
        self.documents[document["_id"]] = document
        self.home.watch(self.name, before, document)

    def _taken(self, new: Document) -> bool:
        if self.name != "assignments":
            return False
        return any(self._found({"hit": new["hit"], "worker": new["worker"], "live": True}))

    def _update(self, query: Mapping[str, Any], update: Any, upsert: bool) -> tuple[Document | None, Document | None]:
        before = self._first(query)
        if before is None and not upsert:
            return None, None
        named = {name: value for name, value in query.items() if type(value) is not dict}
        after = changed(before or named, update, before is None)
        self._put(after, before)
        return before, after

    async def find_one(self, query: Mapping[str, Any], projection: Any = None, session: Any = None) -> Document | None:
        found = self._first(query)
        return dict(found) if found is not None else None

    def find(self, query: Mapping[str, Any] | None = None, projection: Any = None, session: Any = None) -> Cursor:
        return Cursor([dict(document) for document in self._found(query or {})])

    async def count_documents(self, query: Mapping[str, Any], session: Any = None) -> int:
        return len(list(self._found(query)))

    async def insert_one(self, document: Document, session: Any = None) -> None:
        self._put(dict(document), None)

    async def update_one(self, query: Any, update: Any, upsert: bool = False, session: Any = None) -> Any:
        before, _ = self._update(query, update, upsert)
        return SimpleNamespace(matched_count=int(before is not None))

    async def find_one_and_update(
        self,
        query: Any,
        update: Any,
        upsert: bool = False,
        session: Any = None,
        return_document: bool = ReturnDocument.BEFORE,
    ) -> Document | None:
        before, after = self._update(query, update, upsert)
        found = after if return_document == ReturnDocument.AFTER else before
        return dict(found) if found is not None else None

    async def delete_one(self, query: Mapping[str, Any], session: Any = None) -> None:
        found = self._first(query)
        if found is not None:
            self.home.undo.append((self, found["_id"], found))
            del self.documents[found["_id"]]


class MemoryDatabase:
    """Takes the place of ``Database``. ``watch`` hears of every document that is made or changed, before and after."""

    def __init__(self, watch: Watch = lambda name, before, after: None) -> None:
        self.watch = watch
        self.undo: list[tuple[Collection, str, Document | None]] = []
        for name in COLLECTIONS:
            setattr(self, name, Collection(name, self))

    async def atomically(self, act: Callable[[Any], Awaitable[Any]]) -> Any:
        self.undo.clear()
        try:
            return await act(None)
        except BaseException:
            for collection, identifier, before in reversed(self.undo):
                if before is None:
                    del collection.documents[identifier]
                else:
                    collection.documents[identifier] = before
            raise


def _check(name: str, document: Document) -> None:
    """What the validators of the real database look at."""
    if name == "hits":
        slots = [document[state] for state in ("available", "pending", "submitted", "completed")]
        if min(slots) < 0 or sum(slots) != document["max_assignments"]:
            raise WriteError(f"The slots of a HIT are {slots}.")
    if name == "accounts":
        parts = [document[part] for part in ("available", "on_hold", "paid", "fees")]
        if min(parts[:2]) < 0 or sum(parts) != document["deposited"]:
            raise WriteError(f"The amounts of an account are {parts}, and {document['deposited']} were deposited.")
    for value in document.values():
        if isinstance(value, datetime) and value.microsecond % 1000:
            raise WriteError("MongoDB would cut this time to milliseconds.")
