"""Tasks and the HITs they become."""

from collections.abc import Sequence

from pymongo import UpdateOne

from active_learning.domain.errors import NotFound
from active_learning.domain.task import Task, TaskState
from api.store.connection import Collection, Database, Document, Session

NOTHING = {"$in": [None, 0]}


class Tasks:
    """One document a task, with the id of its HIT once it is posted."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["tasks"]

    async def insert(self, tasks: Sequence[Task], session: Session) -> None:
        """Store drafts; a draft that exists (same round, wave and number) stays as it is."""
        if tasks:
            await self.collection.bulk_write(
                [
                    UpdateOne(
                        {"_id": task.id},
                        {"$setOnInsert": task.model_dump(mode="json", exclude={"id"})},
                        upsert=True,
                    )
                    for task in tasks
                ],
                session=session,
            )

    async def get(self, identifier: str) -> Task:
        """The task, or :class:`NotFound`."""
        document = await self.collection.find_one({"_id": identifier})
        if document is None:
            raise NotFound("There is no such task.", "It may have been withdrawn; return the HIT.")
        return _task(document)

    async def any(self, category: str) -> bool:
        """Whether there is or was a task."""
        return await self.collection.find_one({"category": category}, {"_id": 1}) is not None

    async def many(self, identifiers: Sequence[str]) -> list[Task]:
        """These tasks, in their order; those that are gone are left out."""
        found = self.collection.find({"_id": {"$in": list(identifiers)}})
        tasks = {document["_id"]: _task(document) async for document in found}
        return [tasks[identifier] for identifier in identifiers if identifier in tasks]

    async def hand_over(self, identifiers: Sequence[str], session: Session) -> int:
        """Let tasks that were held go to the market; returns how many were held."""
        held = {"_id": {"$in": list(identifiers)}, "state": TaskState.HELD.value}
        drafted = {"$set": {"state": TaskState.DRAFTED.value}}
        return (await self.collection.update_many(held, drafted, session=session)).modified_count

    async def withdraw(self, identifiers: Sequence[str], session: Session) -> int:
        """Remove tasks that are still held: nobody has seen them. Returns how many there were."""
        held = {"_id": {"$in": list(identifiers)}, "state": TaskState.HELD.value}
        return (await self.collection.delete_many(held, session=session)).deleted_count

    async def at_market(self, hit: str) -> Task:
        """The task that a HIT is, or :class:`NotFound`."""
        document = await self.collection.find_one({"hit": hit})
        if document is None:
            raise NotFound("There is no task of this HIT.", "It may belong to another installation.")
        return _task(document)

    async def of_round(self, category: str, number: int) -> list[Task]:
        """The tasks of a round, in order."""
        found = self.collection.find({"category": category, "round": number}).sort([("wave", 1), ("number", 1)])
        return [_task(document) async for document in found]

    async def in_state(self, category: str, state: TaskState) -> list[Task]:
        """The tasks of a category that are drafted, posted or closed."""
        found = self.collection.find({"category": category, "state": state.value}).sort("_id")
        return [_task(document) async for document in found]

    async def standings(self, category: str) -> list[tuple[str, TaskState, str | None]]:
        """(task, state, HIT) of every task of a category, without its slots: there may be many."""
        found = self.collection.find({"category": category}, {"state": 1, "hit": 1})
        return [(d["_id"], TaskState(d["state"]), d.get("hit")) async for d in found]

    async def open(self, category: str) -> int:
        """How many tasks still wait for a market or for people."""
        states = [TaskState.DRAFTED.value, TaskState.POSTED.value]
        return await self.collection.count_documents({"category": category, "state": {"$in": states}})

    async def hold(self, task: str, cents: int, session: Session) -> bool:
        """Note what the budget holds for each assignment of a task that is not closed; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": task, "state": {"$ne": TaskState.CLOSED.value}, "held_cents": NOTHING},
            {"$set": {"held_cents": cents}},
            session=session,
        )
        return result.modified_count == 1

    async def is_held(self, task: str, session: Session) -> bool:
        """Whether the budget holds the price of a task."""
        found = await self.collection.find_one({"_id": task}, {"held_cents": 1}, session=session)
        return bool(found and found.get("held_cents"))

    async def pass_over(self, task: str, session: Session) -> bool:
        """End a draft that nobody will be asked, which no budget holds money for; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": task, "state": TaskState.DRAFTED.value, "held_cents": NOTHING},
            {"$set": {"state": TaskState.CLOSED.value}},
            session=session,
        )
        return result.modified_count == 1

    async def posted(self, task: str, hit: str, session: Session) -> bool:
        """Note that the task is at the market as ``hit``; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": task, "state": TaskState.DRAFTED.value},
            {"$set": {"state": TaskState.POSTED.value, "hit": hit}},
            session=session,
        )
        return result.modified_count == 1

    async def close(self, task: str, session: Session) -> bool:
        """Note that nobody works on it any more; say whether this call did it."""
        result = await self.collection.update_one(
            {"_id": task, "state": TaskState.POSTED.value},
            {"$set": {"state": TaskState.CLOSED.value}},
            session=session,
        )
        return result.modified_count == 1


def _task(document: Document) -> Task:
    return Task.model_validate({"id": document["_id"], **{k: v for k, v in document.items() if k != "_id"}})
