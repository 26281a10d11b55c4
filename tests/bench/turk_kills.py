"""kill -9 of the marketplace, the collector and MongoDB in the middle of work: nothing is lost, nothing paid twice."""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
from pymongo.errors import PyMongoError

from active_learning.domain.errors import WinnowError
from active_learning.domain.submission import Response
from active_learning.domain.task import TaskState
from api.operations import labeling, recounting
from api.operations.context import Winnow, open_winnow
from api.settings import Settings
from deploy import mongodb, stack
from deploy.processes import Child, spawn
from tests.api.working import SLUG, category_with, round_of
from tests.bench.result import Benchmark, Row
from tests.turk.served import MovableClock, Site, Worker, free_port
from workers.turk.settings import TurkSettings

TRIALS = 200
PEOPLE = 2
"""Who works at the time of each kill."""

REWARD = 5
PATIENCE_S = 90.0
SMALL = {"slots": 4, "hidden_gold": 2, "validation": 0, "lessons": 0, "redundancy": 1, "budget_cents": 10**6}
AWAY = (httpx.HTTPError, PyMongoError, WinnowError, AssertionError)
"""What people and their browsers see while something is down. They try again."""

Victim = Literal["marketplace", "collector", "mongod"]
VICTIMS: tuple[Victim, ...] = ("marketplace", "collector", "mongod")
Result = TypeVar("Result")


@dataclass
class Plant:
    """A MongoDB, a marketplace and a collector, each a process of its own."""

    data: Path
    settings: Settings
    server: mongodb.LocalMongo
    children: dict[str, Child]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        child = self.children[name]
        self.processes[name] = spawn(list(child.argv), child.env, child.log_path)

    def kill(self, victim: Victim) -> None:
        """Kill it with SIGKILL, and start it again as whoever watches it would."""
        process = self.server.process if victim == "mongod" else self.processes[victim]
        process.kill()
        process.wait()
        if victim == "mongod":
            self.server = mongodb.start(self.data, self.server.port)
        else:
            self.start(victim)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.server.stop()


@asynccontextmanager
async def plant(data: Path) -> AsyncIterator[Plant]:
    """Start MongoDB now; the others when there is work."""
    server, ports = mongodb.start(data), stack.Ports(market=free_port())
    settings = stack.local_settings(data, server.uri, ports, {})
    collector = (sys.executable, "-m", "tests.bench.collecting")
    children = {
        "marketplace": stack.market(settings, ports, data, sign_up="names"),
        "collector": Child("collector", collector, data / "collector.log", settings.to_env()),
    }
    place = Plant(data, settings, server, children)
    try:
        yield place
    finally:
        place.stop()


@dataclass(frozen=True)
class Survived:
    """What a run came to. Everything but the first three numbers should be 0.

    ``unpaid`` counts what either ledger lacks, and Winnow's counters that do not agree with its ledger.
    """

    kills: Counter[str]
    acknowledged: int
    seconds: float
    lost: int
    unpaid: int
    paid_twice: int
    cents_off: int


@dataclass
class Campaign:
    """People at work, and what they were told."""

    place: Plant
    w: Winnow
    truth: dict[str, bool]
    acknowledged: list[str] = field(default_factory=list)

    def market(self, collection: str) -> Any:
        return self.w.store.connection.client[f"{self.place.settings.database}_turk"][collection]

    def site(self) -> Site:
        url = self.place.settings.market_endpoint
        settings = TurkSettings(mongodb_uri=self.place.settings.mongodb_uri, secret="x" * 16, public_url=url)
        return Site(url, settings, MovableClock(), None)

    async def works(self, name: str, task: str, hit: str) -> None:
        """Somebody does a HIT, and does each step again until he hears that it was done."""
        worker: Worker = await patiently(lambda: asyncio.to_thread(self.site().worker, name))
        assignment = await patiently(lambda: asyncio.to_thread(worker.accept, hit))
        await patiently(lambda: self._answers(task, assignment, worker.id))

        async def submit() -> None:
            assert (await asyncio.to_thread(worker.submit, assignment)).status_code == 200

        await patiently(submit)
        self.acknowledged.append(assignment)

    async def _answers(self, task: str, assignment: str, worker: str) -> None:
        opened = await labeling.open_assignment(self.w, task, assignment, worker, "")
        document = await self.w.store.assignments.get(labeling.assignment_id(assignment, worker))
        assert document is not None
        if document["state"] == "working":
            answers = [Response(position=n, value=self.truth[image]) for n, image in enumerate(document["images"])]
            await labeling.save(self.w, opened.token, answers)
            await labeling.submit(self.w, opened.token, (1280, 800))

    async def ended(self) -> None:
        """Nothing, when everything that was promised is settled on both sides."""
        states = {task.state for task in await self.w.store.tasks.of_round(SLUG, 1)}
        undone = await self.w.store.payments.undone(SLUG)
        assert states == {TaskState.CLOSED} and not undone, f"{states}, {len(undone)} not done"

    async def result(self, kills: Counter[str], seconds: float) -> Survived:
        there = await self.market("assignments").find({"submitted_at": {"$exists": True}}).to_list()
        ledger = await self.market("ledger").find({"_id": {"$regex": "^pay:"}}).to_list()
        ours = await self.w.store.payments.collection.find({"act": "approve", "done_at": {"$ne": None}}).to_list()
        paid = Counter(entry["_id"].removeprefix("pay:") for entry in ledger)
        approved = Counter(entry["assignment"] if ":" in entry["_id"] else entry["_id"] for entry in ours)
        [account] = await self.market("accounts").find({}).to_list()
        differences = await recounting.differences(self.w, SLUG)
        told = set(self.acknowledged)
        return Survived(
            kills=kills,
            acknowledged=len(told),
            seconds=seconds,
            lost=len(told - {assignment["_id"] for assignment in there}),
            unpaid=len(told - set(paid)) + len(told - set(approved)) + len(differences),
            paid_twice=sum((paid - Counter(set(paid))).values()) + sum((approved - Counter(set(approved))).values()),
            cents_off=abs(account["paid"] - REWARD * len(told)) + account["on_hold"],
        )


async def patiently(act: Callable[[], Awaitable[Result]]) -> Result:
    """Do it again as long as something is away."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await act()
        except AWAY:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.1)


async def survive(data: Path, trials: int, seed: int, say: Callable[[str], None]) -> Survived:
    """So many kills, one after the other, each while people are at work on HITs of their own."""
    chance, started, kills = random.Random(seed), time.perf_counter(), Counter[str]()
    async with plant(data) as place, open_winnow(place.settings) as w:
        tasks = PEOPLE * trials
        truth = await category_with(w, 2 * tasks + 60, 12, **SMALL, reward_cents=REWARD)
        await round_of(w, 1, 2 * tasks)
        campaign = Campaign(place, w, truth)
        for name in ("marketplace", "collector"):
            place.start(name)
        posted = await patiently(lambda: _posted(w, tasks))
        for number in range(trials):
            some = posted[number * PEOPLE : (number + 1) * PEOPLE]
            work = [asyncio.create_task(campaign.works(f"P{number} {n}", *one)) for n, one in enumerate(some)]
            await asyncio.sleep(chance.uniform(0, 0.5))
            victim = VICTIMS[number % len(VICTIMS)]
            kills[victim] += 1
            place.kill(victim)
            await asyncio.gather(*work)
            say(f"{number + 1}: {victim}")
        await patiently(campaign.ended)
        return await patiently(lambda: campaign.result(kills, time.perf_counter() - started))


async def _posted(w: Winnow, count: int) -> list[tuple[str, str]]:
    found = [(task.id, task.hit) for task in await w.store.tasks.of_round(SLUG, 1) if task.hit]
    assert len(found) >= count, f"{len(found)} of {count} tasks are posted"
    return [(task, str(hit)) for task, hit in found]


def run() -> Benchmark:
    """All trials."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(survive(Path(folder), TRIALS, 1, print))
    what = f"{found.acknowledged} submissions, kills: {dict(found.kills)}, {found.seconds:.0f} s"
    kept = {"name": "acknowledged", "value": found.acknowledged}
    names = ("lost", "unpaid", "paid_twice")
    good = {name: found.acknowledged - getattr(found, name) for name in names}
    rows = [Row(f"kills: submissions not {n}", what, "submissions", good[n], kept, 1.0, [good[n]]) for n in names]
    cents = {"name": "owed", "value": REWARD * found.acknowledged}
    paid = REWARD * found.acknowledged - found.cents_off
    return Benchmark([*rows, Row("kills: cents paid as owed", what, "cents", paid, cents, 1.0, [paid])])
