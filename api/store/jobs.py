"""The job queue: insert a document, lease it, heartbeat, finish it. A dead worker's lease runs out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pymongo import ASCENDING, ReturnDocument

from active_learning.domain.value import Value
from api.store.connection import Collection, Database, Document, Session


class JobState(StrEnum):
    """A job waits, runs under a lease, or has ended."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Value):
    """A leased job. ``every_s`` > 0 makes it come back that long after each end."""

    id: str
    kind: str
    args: dict[str, Any]
    attempts: int
    every_s: float


class Jobs:
    """One document a job; its id says what it does, so the same work cannot be queued twice."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database["jobs"]
        self.runs: Collection = database["job_runs"]

    async def insert(
        self,
        kind: str,
        args: dict[str, Any],
        now: datetime,
        *,
        every_s: float = 0.0,
        session: Session | None = None,
    ) -> str:
        """Queue ``kind`` with ``args``; the same kind and args again change nothing. Returns the id."""
        identifier = job_id(kind, args)
        fields = {
            "kind": kind,
            "args": args,
            "state": JobState.READY.value,
            "due_at": now,
            "attempts": 0,
            "every_s": every_s,
            "owner": None,
            "lease_until": None,
            "error": None,
            "progress": None,
        }
        await self.collection.update_one({"_id": identifier}, {"$setOnInsert": fields}, upsert=True, session=session)
        return identifier

    async def lease(
        self, owner: str, kinds: Sequence[str], now: datetime, seconds: float, only: str | None = None
    ) -> Job | None:
        """Take the job (``only`` that with this id) that is due longest: ready, or running with a lease run out."""
        document = await self.collection.find_one_and_update(
            {
                "kind": {"$in": list(kinds)},
                **({} if only is None else {"_id": only}),
                "$or": [
                    {"state": JobState.READY.value, "due_at": {"$lte": now}},
                    {"state": JobState.RUNNING.value, "lease_until": {"$lt": now}},
                ],
            },
            {
                "$set": {
                    "state": JobState.RUNNING.value,
                    "owner": owner,
                    "lease_until": now + timedelta(seconds=seconds),
                    "started_at": now,
                    "again": False,
                },
                "$inc": {"attempts": 1},
            },
            sort=[("due_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _job(document)

    async def heartbeat(self, job: str, owner: str, now: datetime, seconds: float) -> bool:
        """Prolong the lease; ``False`` means that it is lost and the work must stop."""
        result = await self.collection.update_one(
            {"_id": job, "owner": owner, "state": JobState.RUNNING.value},
            {"$set": {"lease_until": now + timedelta(seconds=seconds)}},
        )
        return result.matched_count == 1

    async def finish(self, job: Job, owner: str, now: datetime) -> None:
        """End it, or make a recurring job ready again."""
        again = {"state": JobState.READY.value, "due_at": now + timedelta(seconds=job.every_s), "attempts": 0}
        before = await self._release(job, owner, again if job.every_s else {"state": JobState.DONE.value}, None, now)
        if before is not None and before.get("again"):
            await self.poke(job.kind, job.args, now)

    async def fail(self, job: Job, owner: str, now: datetime, error: str, retry_in: float | None) -> bool:
        """Note the error; try again in ``retry_in`` seconds, or give up when that is ``None``.

        Says whether this is news: the last attempt may have ended in the same error.
        """
        fields: Document = {"state": JobState.FAILED.value}
        if retry_in is not None:
            fields = {"state": JobState.READY.value, "due_at": now + timedelta(seconds=retry_in)}
        before = await self._release(job, owner, fields, error, now)
        return before is not None and before.get("error") != error

    async def retry(self, identifier: str, now: datetime) -> bool:
        """Try a job that failed, or waits for its next attempt, at once, as if it were new."""
        waiting = {"$in": [JobState.FAILED.value, JobState.READY.value]}
        result = await self.collection.update_one(
            {"_id": identifier, "state": waiting, "error": {"$gt": ""}},
            {"$set": {"state": JobState.READY.value, "due_at": now, "attempts": 0, "error": None}},
        )
        return result.matched_count == 1

    async def exists(self, identifier: str) -> bool:
        """Whether there is such a job."""
        return await self.collection.find_one({"_id": identifier}, {"_id": 1}) is not None

    async def ran(self, kind: str, outcome: str, seconds: float) -> None:
        """Count a run that has ended, ``done`` or ``failed``."""
        await self.runs.update_one({"_id": kind}, {"$inc": {outcome: 1, "seconds": seconds}}, upsert=True)

    async def all_runs(self) -> list[Document]:
        """How often jobs of each kind were done and have failed, and for how many seconds they ran."""
        return await self.runs.find({}).sort("_id").to_list()

    async def waiting(self, limit: int) -> list[Document]:
        """Jobs that wait for their time or for somebody, the one that is due longest first."""
        return await self.collection.find({"state": JobState.READY.value}).sort("due_at").limit(limit).to_list()

    async def numbers(self) -> list[tuple[str, str, int]]:
        """(state, kind, how many) of the jobs that have not ended well: those that are done are many."""
        states = [JobState.READY.value, JobState.RUNNING.value, JobState.FAILED.value]
        pipeline: list[Document] = [
            {"$match": {"state": {"$in": states}}},
            {"$group": {"_id": {"state": "$state", "kind": "$kind"}, "n": {"$sum": 1}}},
            {"$sort": {"_id": 1}},
        ]
        cursor = await self.collection.aggregate(pipeline)
        return [(row["_id"]["state"], row["_id"]["kind"], row["n"]) async for row in cursor]

    async def poke(self, kind: str, args: dict[str, Any], now: datetime) -> None:
        """Make a waiting recurring job due at once; one that runs just now runs again: it may have looked too early."""
        only = {"_id": job_id(kind, args)}
        running = await self.collection.update_one({**only, "state": JobState.RUNNING.value}, {"$set": {"again": True}})
        if not running.matched_count:
            await self.collection.update_one(
                {**only, "state": JobState.READY.value, "due_at": {"$gt": now}}, {"$set": {"due_at": now}}
            )

    async def remove(self, kind: str, args: dict[str, Any]) -> None:
        """Forget a job that has nothing more to do; its runner may still be at it."""
        await self.collection.delete_one({"_id": job_id(kind, args)})

    async def revive(self, now: datetime) -> int:
        """Give failed jobs another set of attempts; returns how many."""
        result = await self.collection.update_many(
            {"state": JobState.FAILED.value}, {"$set": {"state": JobState.READY.value, "due_at": now, "attempts": 0}}
        )
        return result.modified_count

    async def troubled(self) -> list[Document]:
        """Jobs whose last attempt ended in an error."""
        return await self.collection.find({"error": {"$gt": ""}}).sort("_id").to_list()

    async def report(self, job: str, what: str, done: int, total: int, now: datetime) -> None:
        """Note how far a running job is: ``done`` of ``total`` parts of ``what``. Nobody's lease depends on it."""
        progress = {"what": what, "done": done, "total": total, "at": now}
        await self.collection.update_one(
            {"_id": job, "state": JobState.RUNNING.value}, {"$set": {"progress": progress}}
        )

    async def find(self, job: str) -> Document | None:
        """One job, by its id."""
        return await self.collection.find_one({"_id": job})

    async def running(self) -> list[Document]:
        """Jobs that are being worked on, with their ``progress`` where they have said how far they are."""
        return await self.collection.find({"state": JobState.RUNNING.value}).sort("_id").to_list()

    async def _release(
        self, job: Job, owner: str, fields: dict[str, Any], error: str | None, now: datetime
    ) -> Document | None:
        ended = {"owner": None, "lease_until": None, "error": error, "progress": None, "ended_at": now}
        return await self.collection.find_one_and_update(
            {"_id": job.id, "owner": owner, "state": JobState.RUNNING.value}, {"$set": {**fields, **ended}}
        )


def job_id(kind: str, args: Mapping[str, Any]) -> str:
    """What a job is called: what it does."""
    return ":".join([kind, *(str(args[name]) for name in sorted(args))])


def _job(document: Document) -> Job:
    return Job(
        id=document["_id"],
        kind=document["kind"],
        args=document["args"],
        attempts=document["attempts"],
        every_s=document["every_s"],
    )
