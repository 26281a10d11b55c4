"""Simulated annotators in a process of their own: reads an order as JSON from stdin, says on stdout what happened.

Each does what the task page does: opens the page, asks what is saved, fetches a batch of pictures when fewer than a
batch are left, saves what was answered in the last second, submits at the end, and takes the next task.
"""

import asyncio
import itertools
import json
import re
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
import uvloop

from tests.bench.load import Connection, request

BATCH, SIZE = 12, 640
SECONDS_AN_ANSWER, SPREAD = 1.7, 0.5
"""Mean time of one answer (Krishna et al. 2016) and the log-normal's sigma."""

SAVE_AFTER = 1.0
MOST_IN_A_SAVE = 50
SETTLE = 5.0
"""Seconds between the last arrival and the window."""

CONTEXT = re.compile(rb'id="context">(.*?)</script>', re.DOTALL)

Kind = Literal["page", "progress", "images", "save", "submission"]


@dataclass(frozen=True)
class Order:
    """What to simulate. With ``hurry`` nobody waits: as many at once as there are annotators, until ``assignments``."""

    port: int
    tasks: list[str]
    name: str
    annotators: int
    ramp: float = 0.0
    window: float = 0.0
    hurry: bool = False
    assignments: int = 0


@dataclass
class Report:
    """What happened. ``times`` are (kind, seconds) of the requests that were due within the window.

    They count from the moment when the annotator's page wanted to send: waiting for an earlier reply is waiting, too.
    ``cpu`` is what this process itself used, in seconds.
    """

    times: list[tuple[Kind, float]] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    assignments: int = 0
    answers: int = 0
    cpu: float = 0.0
    seconds: float = 0.0

    def count(self, error: str) -> None:
        """One more of this error."""
        self.errors[error] = self.errors.get(error, 0) + 1


class Crowd:
    """Everybody, and the clock."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.report = Report()
        self.started = time.perf_counter()
        self.numbers = itertools.count()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def measuring(self, at: float) -> bool:
        """Whether this moment counts."""
        return self.order.hurry or self.order.ramp <= at < self.order.ramp + self.order.window

    async def until(self, at: float) -> None:
        """Wait for a moment of an annotator's schedule."""
        if not self.order.hurry:
            await asyncio.sleep(at - self.now)

    async def send(self, connection: Connection, kind: Kind, one: bytes, due: float | None = None) -> bytes:
        """Send and measure; an error is counted, and what it said is empty."""
        since = self.now if due is None or self.order.hurry else due
        try:
            body = await connection.send(one)
        except (RuntimeError, OSError) as error:
            self.report.count(f"{kind}: {error}")
            return b""
        if self.measuring(since):
            self.report.times.append((kind, self.now - since))
        return body


class Annotator:
    """One person with two connections, as a browser would have: pictures must not hold up answers."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.number = number
        self.rng = np.random.default_rng(number)
        self.answers = Connection("127.0.0.1", crowd.order.port)
        self.pictures = Connection("127.0.0.1", crowd.order.port)

    async def work(self) -> None:
        """Task after task; the first is half done already, so that not all submit at the same time."""
        order = self.crowd.order
        if order.hurry:
            while (number := next(self.crowd.numbers)) < order.assignments:
                worker = f"{order.name}H{number}"
                await self.assignment(order.tasks[number % len(order.tasks)], worker, 0, 0.0)
            return
        at = float(self.rng.uniform(0, order.ramp - SETTLE))
        done = int(self.rng.integers(150))
        for task in itertools.cycle(order.tasks):
            at = await self.assignment(task, f"{order.name}N{self.number}", done, at)
            done = 0

    async def assignment(self, task: str, worker: str, done: int, at: float) -> float:
        """One assignment from its page to its submission; returns the moment of its end."""
        crowd = self.crowd
        await crowd.until(at)
        address = f"/tasks/{task}?assignmentId={worker}T{task}&workerId={worker}"
        page = await crowd.send(self.answers, "page", request("GET", address))
        found = CONTEXT.search(page)
        if found is None:
            crowd.report.count("page: no context")
            await asyncio.sleep(1.0)
            return crowd.now
        context = json.loads(found[1])
        token, of = context["token"], context["of"]
        done = min(done, of - 1)
        for start in range(0, done, MOST_IN_A_SAVE):
            body = saved(range(start, min(start + MOST_IN_A_SAVE, done)), 0.0)
            await crowd.send(self.answers, "save", request("PUT", "/assignment/answers", token, body))
        await crowd.send(self.answers, "progress", request("GET", "/assignment", token))
        gaps = self.rng.lognormal(np.log(SECONDS_AN_ANSWER) - SPREAD**2 / 2, SPREAD, of - done)
        times = crowd.now + np.cumsum(gaps)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._look(token, done, of, times))
            both.create_task(self._save(token, done, times))
        end = b'{"viewport": [1280, 800]}'
        if await crowd.send(self.answers, "submission", request("POST", "/assignment/submission", token, end)):
            crowd.report.assignments += 1
            crowd.report.answers += of - done
        return crowd.now

    async def _look(self, token: str, done: int, of: int, times: np.ndarray) -> None:
        for start in range(done, of, BATCH):
            # the first two at once, every other one when only a batch is left
            needed = max(0, start - BATCH - done)
            due = float(times[needed - 1]) if needed else self.crowd.now
            await self.crowd.until(due)
            address = f"/assignment/images?start={start}&count={min(BATCH, of - start)}&size={SIZE}"
            await self.crowd.send(self.pictures, "images", request("GET", address, token), due)

    async def _save(self, token: str, done: int, times: np.ndarray) -> None:
        for first, last, at in saves(times):
            await self.crowd.until(at)
            body = saved(range(done + first, done + last), 1000 * at)
            await self.crowd.send(self.answers, "save", request("PUT", "/assignment/answers", token, body), at)


def saves(times: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """(first, last, moment) of each save: what came since the first unsaved answer, a second after that one."""
    first = 0
    while first < len(times):
        at = float(times[first]) + SAVE_AFTER
        last = int(np.searchsorted(times, at, side="right"))
        yield first, last, at
        first = last


def saved(positions: range, at: float) -> bytes:
    """The body of a save."""
    times = {"shown_ms": at, "decided_ms": at + 700.0, "visible_ms": 700.0, "hidden_ms": 0.0}
    rest = {**times, "changes": 0, "device": "key"}
    return json.dumps({"answers": [{"position": p, "value": p % 2 == 0, **rest} for p in positions]}).encode()


async def simulate(order: Order) -> Report:
    """Let everybody work until the end of the window, or of the assignments."""
    crowd = Crowd(order)
    people = [Annotator(crowd, number) for number in range(order.annotators)]
    working = [asyncio.create_task(person.work()) for person in people]
    done, busy = await asyncio.wait(
        working,
        timeout=None if order.hurry else order.ramp + order.window,
        return_when=asyncio.ALL_COMPLETED if order.hurry else asyncio.FIRST_EXCEPTION,
    )
    for one in busy:
        one.cancel()
    for one in done:
        one.result()  # an exception there is a mistake here
    used = resource.getrusage(resource.RUSAGE_SELF)
    crowd.report.cpu = used.ru_utime + used.ru_stime
    crowd.report.seconds = crowd.now
    return crowd.report


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(simulate(Order(**json.load(sys.stdin)))))))
