"""Random worlds of one requester: each step is done to the marketplace and to the model, and both must say the same.

A step is a word and four numbers, which name whatever they find (a HIT by its place in the list): so any part of a
run's steps is a run too, and a red one is cut down to the few steps that matter.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.turk.law_model import Job, Kind, Market, Refused, Task
from tests.turk.served import SECRET, external_question
from workers.turk import lifecycle, tenants
from workers.turk.errors import NotNow, NotThere, RequestRefused
from workers.turk.identifiers import worker_id
from workers.turk.operations.call import Call
from workers.turk.operations.registry import OPERATIONS
from workers.turk.settings import TurkSettings
from workers.turk.states import AssignmentState

Document = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)
BALANCE = 1_200
SETTINGS = TurkSettings(mongodb_uri="mongodb://nowhere", secret=SECRET, starting_balance_cents=BALANCE)
KINDS = (Kind(5, 600, 0), Kind(50, 3_600, 86_400), Kind(50, 60, 600), Kind(30, 7_200, 30 * 86_400))
PLACES = (1, 2, 3, 5, 9, 10, 12)
LIFETIMES = (60, 900, 7_200, 5 * 86_400)
PAUSES = (1, 30, 60, 61, 600, 3_600, 7_200, 86_400, 11 * 86_400, 31 * 86_400, 121 * 86_400)
WORKERS = 5
WHOLE_EVERY = 25
QUESTION = external_question()

WEIGHTS = {
    **{"accept": 26, "submit": 20, "give_back": 4, "approve": 9, "override": 5, "reject": 8, "bonus": 3},
    **{"create": 5, "add_places": 3, "set_end": 4, "expire": 2, "retype": 2, "review": 4, "delete": 3},
    **{"block": 1, "unblock": 2, "deposit": 1, "wait": 8},
}


@dataclass(frozen=True)
class Step:
    word: str
    a: int
    b: int
    c: int
    d: int

    def __str__(self) -> str:
        return f"{self.word}({self.a}, {self.b}, {self.c}, {self.d})"


class Broken(AssertionError):
    """The marketplace and the model differ."""


def steps(seed: int, count: int) -> list[Step]:
    chance = random.Random(seed)
    words = ["create", *chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count - 1)]
    return [Step(word, *(chance.randrange(1_000) for _ in range(4))) for word in words]


class World:
    """One requester with HITs and workers of his own, at the marketplace and in the model."""

    def __init__(self, database: Any, name: str, look_every: int = 1) -> None:
        """``look_every`` so many steps the HIT that was stepped on is looked at, and 25 times less often everything."""
        self.database = database
        self.look_every = look_every
        self.name = name
        self.market = Market(now=START, deposited=BALANCE)
        self.done = 0
        self.outcomes = Counter[tuple[str, str]]()

    async def play(self, script: Sequence[Step]) -> None:
        """Raises Broken at the first difference."""
        await self.call("GetAccountBalance")
        for step in script:
            if step.word in {"create", "wait", "block", "unblock", "deposit"} or self.market.tasks:
                outcome, task = await getattr(self, f"_{step.word}")(step)
                if outcome == "nothing":  # there was no assignment to do it to
                    continue
                self.outcomes[step.word, outcome] += 1
                self.done += 1
                if task is not None and self.done % self.look_every == 0:
                    self._compare(task, (await self.call("GetHIT", HITId=task.id))["HIT"])
                if self.done % (self.look_every * WHOLE_EVERY) == 0:
                    await self._look_at_everything()
        await self._look_at_everything()

    async def call(self, operation: str, **parameters: Any) -> Document:
        call = Call(
            requester=self.name,
            request_id=f"{self.name}-{self.done}",
            now=self.market.now,
            database=self.database,
            settings=SETTINGS,
        )
        return await OPERATIONS[operation](call, parameters)

    async def _both(self, expected: Callable[[], Any], actual: Callable[[], Awaitable[Any]]) -> tuple[str, Any, Any]:
        """Does it to the model and to the marketplace. Returns what both said, and what each gave."""
        wanted, ours, theirs = "done", None, None
        try:
            ours = expected()
        except Refused as refused:
            wanted = refused.word
        said = "done"
        try:
            theirs = await actual()
        except RequestRefused as refused:
            said = refused.code.rpartition(".")[2]
        except (NotNow, NotThere):
            said = "no"  # which of the two a worker reads depends on whether anybody has looked meanwhile
        if wanted != said:
            raise Broken(f"The marketplace says {said}, and the documents {wanted}.")
        self.market.settle()
        return said, ours, theirs

    def _task(self, step: Step) -> Task:
        """One of the newest, mostly: what is long over is only asked for now and then."""
        tasks = self.market.tasks
        recent = tasks[-4:] if step.a % 8 else tasks
        return recent[step.b % len(recent)]

    def _job(self, step: Step, *states: str) -> tuple[Task, Job | None]:
        """One in the state that the step is made for, mostly."""
        task = self._task(step)
        fitting = [job for job in task.jobs if job.state in states]
        some = fitting if fitting and step.d % 8 else task.jobs
        return task, some[step.c % len(some)] if some else None

    async def _create(self, step: Step) -> tuple[str, Task | None]:
        kind, places = KINDS[step.a % len(KINDS)], PLACES[step.b % len(PLACES)]
        lifetime, token = LIFETIMES[step.c % len(LIFETIMES)], max(0, step.d % 12 - 8)
        parameters = {**_values(kind), "MaxAssignments": places, "LifetimeInSeconds": lifetime, "Question": QUESTION}
        said, task, reply = await self._both(
            lambda: self.market.create(kind, places, lifetime, token),
            lambda: self.call("CreateHIT", **parameters, **_token(token)),
        )
        if task is not None:
            task.id = reply["HIT"]["HITId"]
        return said, task

    async def _accept(self, step: Step) -> tuple[str, Task]:
        task, worker = self._task(step), self._worker(step)
        said, job, assignment = await self._both(
            lambda: self.market.accept(task, worker),
            lambda: lifecycle.accept(self.database, task.id, worker, self.market.now),
        )
        if job is not None:
            if job.id not in {"", assignment["_id"]}:
                raise Broken("Accepting twice gave another assignment.")
            job.id = assignment["_id"]
        return said, task

    async def _submit(self, step: Step) -> tuple[str, Task]:
        task, job = self._job(step, "InProgress")
        if job is None:
            return "nothing", task
        said, _, _ = await self._both(
            lambda: self.market.submit(job),
            lambda: lifecycle.submit(self.database, job.id, [("answer", "yes")], self.market.now),
        )
        return said, task

    async def _give_back(self, step: Step) -> tuple[str, Task]:
        task, job = self._job(step, "InProgress")
        if job is None:
            return "nothing", task

        async def give_back() -> None:
            await lifecycle.catch_up(self.database, self.market.now, {"hit": task.id})
            if not await lifecycle.give_back(self.database, job.id, AssignmentState.RETURNED, self.market.now):
                raise NotNow("It is not in progress.")

        said, _, _ = await self._both(lambda: self.market.give_back(job), give_back)
        return said, task

    async def _approve(self, step: Step, override: bool = False) -> tuple[str, Task]:
        task, job = self._job(step, "Rejected" if override else "Submitted")
        if job is None:
            return "nothing", task
        said, _, _ = await self._both(
            lambda: self.market.approve(task, job, override),
            lambda: self.call("ApproveAssignment", AssignmentId=job.id, OverrideRejection=override),
        )
        return said, task

    async def _override(self, step: Step) -> tuple[str, Task]:
        return await self._approve(step, override=True)

    async def _reject(self, step: Step) -> tuple[str, Task]:
        task, job = self._job(step, "Submitted")
        if job is None:
            return "nothing", task
        said, _, _ = await self._both(
            lambda: self.market.reject(job),
            lambda: self.call("RejectAssignment", AssignmentId=job.id, RequesterFeedback="wrong"),
        )
        return said, task

    async def _bonus(self, step: Step) -> tuple[str, Task]:
        task, job = self._job(step, "Submitted", "Approved", "Rejected", "Abandoned")
        if job is None:
            return "nothing", task
        amount, token = 1 + step.a % 40, max(0, step.b % 6 - 3)
        paid = {"WorkerId": job.worker, "AssignmentId": job.id, "BonusAmount": _dollars(amount), "Reason": "good"}
        said, _, _ = await self._both(
            lambda: self.market.bonus(job, amount, token), lambda: self.call("SendBonus", **paid, **_token(token))
        )
        return said, task

    async def _add_places(self, step: Step) -> tuple[str, Task]:
        task, more, token = self._task(step), 1 + step.c % 4, max(0, step.d % 8 - 5)
        wanted = {"HITId": task.id, "NumberOfAdditionalAssignments": more}
        said, _, _ = await self._both(
            lambda: self.market.add_places(task, more, token),
            lambda: self.call("CreateAdditionalAssignmentsForHIT", **wanted, **_token(token)),
        )
        return said, task

    async def _set_end(self, step: Step) -> tuple[str, Task]:
        task, end = self._task(step), self.market.now + timedelta(seconds=LIFETIMES[step.c % len(LIFETIMES)])
        return await self._end(task, end)

    async def _expire(self, step: Step) -> tuple[str, Task]:
        return await self._end(self._task(step), datetime.fromtimestamp(0, UTC))

    async def _end(self, task: Task, end: datetime) -> tuple[str, Task]:
        said, _, _ = await self._both(
            lambda: self.market.set_end(task, end),
            lambda: self.call("UpdateExpirationForHIT", HITId=task.id, ExpireAt=end),
        )
        return said, task

    async def _retype(self, step: Step) -> tuple[str, Task]:
        task, kind = self._task(step), KINDS[step.c % len(KINDS)]
        known = await self.call("CreateHITType", **_values(kind))
        said, _, _ = await self._both(
            lambda: self.market.retype(task, kind),
            lambda: self.call("UpdateHITTypeOfHIT", HITId=task.id, HITTypeId=known["HITTypeId"]),
        )
        return said, task

    async def _review(self, step: Step) -> tuple[str, Task]:
        task, back = self._task(step), step.c % 3 == 0
        said, _, _ = await self._both(
            lambda: self.market.review(task, not back),
            lambda: self.call("UpdateHITReviewStatus", HITId=task.id, Revert=back),
        )
        return said, task

    async def _delete(self, step: Step) -> tuple[str, Task]:
        task = self._task(step)
        said, _, _ = await self._both(lambda: self.market.delete(task), lambda: self.call("DeleteHIT", HITId=task.id))
        return said, task

    async def _block(self, step: Step) -> tuple[str, None]:
        self.market.blocked.add(self._worker(step))
        await self.call("CreateWorkerBlock", WorkerId=self._worker(step), Reason="clicks")
        return "done", None

    async def _unblock(self, step: Step) -> tuple[str, None]:
        self.market.blocked.discard(self._worker(step))
        await self.call("DeleteWorkerBlock", WorkerId=self._worker(step))
        return "done", None

    async def _deposit(self, step: Step) -> tuple[str, None]:
        await tenants.deposit(self.database, self.name, 1 + step.a, self.market.now)
        self.market.deposited += 1 + step.a
        return "done", None

    async def _wait(self, step: Step) -> tuple[str, None]:
        """Short pauses, mostly. Nothing looks at what becomes due meanwhile."""
        some = PAUSES if step.b % 4 == 0 else PAUSES[:5]
        self.market.now += timedelta(seconds=some[step.a % len(some)])
        self.market.settle()
        return "done", None

    def _worker(self, step: Step) -> str:
        return worker_id(f"{self.name} {step.c % WORKERS}")

    def _compare(self, task: Task, hit: Document) -> None:
        names = ("HITStatus", "MaxAssignments", "NumberOfAssignmentsAvailable", "NumberOfAssignmentsPending")
        seen = (*(hit[name] for name in names), hit["NumberOfAssignmentsCompleted"], hit["Expiration"])
        completed = task.count("Approved", "Rejected")
        counted = (task.places, task.available, task.count("InProgress"), completed)
        wanted = (task.status(self.market.now), *counted, task.ends)
        if seen != wanted:
            raise Broken(f"A HIT is {seen}, and should be {wanted}.")

    async def _look_at_everything(self) -> None:
        """Every HIT, every assignment, the account and the ledger behind it."""
        balance = await self.call("GetAccountBalance")
        free = {"AvailableBalance": _dollars(self.market.available), "OnHoldBalance": _dollars(self.market.on_hold)}
        if balance != free:
            raise Broken(f"The balance is {balance}, and should be {free}.")
        known = {hit["HITId"]: hit for hit in (await self.call("ListHITs", MaxResults=100))["HITs"]}
        found = await self.database.assignments.find({"requester": self.name}).to_list()
        for task in self.market.tasks:
            if task.status(self.market.now) != "Disposed":
                self._compare(task, known.pop(task.id))
            seen = {one["_id"]: (one["worker"], one["state"]) for one in found if one["hit"] == task.id}
            wanted = {job.id: (job.worker, job.state) for job in task.jobs}
            if seen != wanted:
                raise Broken(f"Assignments are {seen}, and should be {wanted}.")
        if known:
            raise Broken(f"These HITs should not be there any more: {sorted(known)}.")
        market = self.market
        parts = (market.deposited, market.available, market.on_hold, market.paid, market.fees)
        wanted_money = dict(zip(("deposited", "available", "on_hold", "paid", "fees"), parts, strict=True))
        account = await self.database.accounts.find_one({"_id": self.name})
        entries = await self.database.ledger.find({"requester": self.name}).to_list()
        added = {part: sum(entry["amounts"].get(part, 0) for entry in entries) for part in wanted_money}
        for words, found in (("account", {part: account[part] for part in wanted_money}), ("ledger", added)):
            if found != wanted_money:
                raise Broken(f"The {words} says {found}, and should say {wanted_money}.")


def _values(kind: Kind) -> Document:
    return {
        **{"Title": "Is it a 3?", "Description": "Look.", "Reward": _dollars(kind.reward)},
        **{"AssignmentDurationInSeconds": kind.duration, "AutoApprovalDelayInSeconds": kind.delay},
    }


def _dollars(cents: int) -> str:
    return f"{cents / 100:.2f}"


def _token(number: int) -> Document:
    return {"UniqueRequestToken": f"T{number}"} if number else {}
