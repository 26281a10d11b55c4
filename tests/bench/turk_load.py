"""Five hundred annotators at once at the marketplace: requests a second, p95 and memory beside a bare endpoint."""

import asyncio
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import boto3

from api.settings import Settings
from deploy import mongodb, stack
from deploy.processes import Supervisor
from tests.bench.load import Connection
from tests.bench.result import Benchmark, Row
from tests.bench.serve import bare_server
from tests.turk.served import external_question, free_port, hit_type_values

PEOPLE = 500
ROUNDS = 4
"""HITs that everybody does, in each of two runs: at leisure, and as fast as they can."""

PLACES = 2
LEISURE_S = 20.0
"""Mean time that somebody looks at a HIT; nobody in life is as quick."""

FORM = "Content-Type: application/x-www-form-urlencoded"


@dataclass
class Person:
    """Somebody with a browser: one kept connection and a cookie."""

    port: int
    name: str
    chance: random.Random
    seconds: dict[str, list[float]]
    connection: Connection = field(init=False)
    cookie: str = ""
    csrf: str = ""

    def __post_init__(self) -> None:
        self.connection = Connection("127.0.0.1", self.port)

    async def ask(self, what: str, method: str, path: str, **fields: str) -> tuple[bytes, bytes]:
        """One request, timed from the click to the last byte. Raises RuntimeError for an error page."""
        body = urlencode(fields).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Cookie: {self.cookie}"]
        lines += [FORM, f"Content-Length: {len(body)}"] if method == "POST" else []
        started = time.perf_counter()
        head, reply = await self.connection.ask("\r\n".join([*lines, "", ""]).encode() + body)
        self.seconds[what].append(time.perf_counter() - started)
        if head[9:10] not in b"23":
            raise RuntimeError(f"{what}: {head.splitlines()[0].decode()} {reply[-600:].decode()}")
        return head, reply

    async def sign_in(self) -> None:
        head, _ = await self.ask("sign in", "POST", "/sign-in", name=self.name)
        found = re.search(rb"set-cookie: ([^;]+)", head)
        assert found is not None
        self.cookie = found[1].decode()
        _, reply = await self.ask("sign in", "GET", "/session.json")
        self.csrf = json.loads(reply)["csrf"]

    async def works(self, hits: Sequence[str], think: float) -> None:
        """The list, accept, the page with the frame, and the frame's form; for each HIT."""
        await asyncio.sleep(self.chance.uniform(0, think))
        for hit in hits:
            await self.ask("list", "GET", "/")
            head, _ = await self.ask("accept", "POST", f"/hits/{hit}/accept", csrf=self.csrf)
            path = re.search(rb"location: (/assignments/[A-Z0-9]+)", head)
            assert path is not None, head
            await self.ask("work", "GET", path[1].decode())
            await asyncio.sleep(self.chance.uniform(0, 2 * think))
            assignment = path[1].decode().removeprefix("/assignments/")
            await self.ask("submit", "POST", "/mturk/externalSubmit", assignmentId=assignment, receipt="R1")


@dataclass(frozen=True)
class Run:
    """What a run came to: seconds of each kind of request, and of the run."""

    seconds: dict[str, list[float]]
    wall: float

    @property
    def all(self) -> list[float]:
        return [one for some in self.seconds.values() for one in some]

    @property
    def rate(self) -> float:
        return round(len(self.all) / self.wall, 1)

    @property
    def p95(self) -> float:
        return p95(self.all)


def p95(seconds: Sequence[float]) -> float:
    """In milliseconds."""
    return round(1_000 * statistics.quantiles(seconds, n=20)[-1], 1)


def post(settings: Settings, count: int) -> list[str]:
    """HITs of one type."""
    client = boto3.client(
        "mturk",
        endpoint_url=settings.market_endpoint,
        region_name="us-east-1",
        aws_access_key_id=settings.market_access_key,
        aws_secret_access_key=settings.market_secret_key,
    )
    values = hit_type_values(Reward="0.01", LifetimeInSeconds=86_400, MaxAssignments=PLACES)
    return [str(client.create_hit(**values, Question=external_question())["HIT"]["HITId"]) for _ in range(count)]


async def market(port: int, hits: Sequence[str], think: float, name: str) -> Run:
    """Everybody does so many HITs; signing in comes before and is not counted."""
    seconds: dict[str, list[float]] = defaultdict(list)
    people = [Person(port, f"{name} {n}", random.Random(n), seconds) for n in range(PEOPLE)]
    for start in range(0, PEOPLE, 20):
        await asyncio.gather(*(person.sign_in() for person in people[start : start + 20]))
    seconds.clear()
    a_round = PEOPLE // PLACES
    mine = [[hits[r * a_round + n // PLACES] for r in range(ROUNDS)] for n in range(PEOPLE)]
    started = time.perf_counter()
    try:
        await asyncio.gather(*(person.works(own, think) for person, own in zip(people, mine, strict=True)))
    finally:
        for person in people:
            person.connection.close()
    return Run(seconds, time.perf_counter() - started)


async def bare(port: int, like: Run, think: float) -> Run:
    """As many requests of as many people with as much leisure, to an endpoint that does nothing."""
    seconds: dict[str, list[float]] = defaultdict(list)
    people = [Person(port, "", random.Random(n), seconds) for n in range(PEOPLE)]

    async def asks(person: Person) -> None:
        await asyncio.sleep(person.chance.uniform(0, think))
        for number in range(len(like.all) // PEOPLE):
            if number % 4 == 3:
                await asyncio.sleep(person.chance.uniform(0, 2 * think))
            await person.ask("bare", "GET", "/")

    started = time.perf_counter()
    await asyncio.gather(*map(asks, people))
    return Run(seconds, time.perf_counter() - started)


def peak_memory(process: int) -> float:
    """In MB."""
    status = Path(f"/proc/{process}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1_000 if peak else 0.0


async def measure(data: Path, uri: str, supervisor: Supervisor) -> tuple[list[Run], float]:
    """At leisure and as fast as they can, each beside the bare endpoint; and the marketplace's memory in MB."""
    ports, peer = stack.Ports(market=free_port()), free_port()
    settings = stack.local_settings(data, uri, ports, {})
    supervisor.start(stack.market(settings, ports, data, sign_up="names"))
    supervisor.start(bare_server(data, peer))
    half = PEOPLE * ROUNDS // PLACES
    hits = await asyncio.to_thread(post, settings, 2 * half)
    runs = []
    for some, think, name in ((hits[:half], LEISURE_S, "calm"), (hits[half:], 0.0, "hasty")):
        runs.append(await market(ports.market, some, think, name))
        runs.append(await bare(peer, runs[-1], think))
    return runs, peak_memory(supervisor.pid("marketplace"))


def run() -> Benchmark:
    """Measure and compare."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mongodb.start(Path(folder)) as server,
        Supervisor(print) as supervisor,
    ):
        (calm, calm_bare, hasty, hasty_bare), memory = asyncio.run(measure(Path(folder), server.uri, supervisor))
    each = ", ".join(f"{name} {p95(some):.0f} ms" for name, some in calm.seconds.items())
    fast = ", ".join(f"{name} {p95(some):.0f} ms" for name, some in hasty.seconds.items())
    peer = "bare endpoint of the same server"
    rows = [
        Row(
            f"{PEOPLE} annotators, {LEISURE_S:.0f} s a HIT: p95",
            f"{calm.rate} requests/s; p95: {each}",
            "ms",
            calm.p95,
            {"name": peer, "value": calm_bare.p95},
            100.0,
            [calm.p95],
            less=True,
            limit=500.0,
        ),
        Row(
            f"{PEOPLE} annotators, no pause: requests/s",
            f"p95 {hasty.p95} ms ({fast}), the bare endpoint's {hasty_bare.p95} ms",
            "requests/s",
            hasty.rate,
            {"name": peer, "value": hasty_bare.rate},
            0.03,
            [hasty.rate],
        ),
        Row(
            "memory of the marketplace, peak",
            f"{os.cpu_count()} processors for people, marketplace and MongoDB",
            "MB",
            round(memory, 1),
            {"name": "limit", "value": 300},
            1.0,
            [memory],
            less=True,
        ),
    ]
    return Benchmark(rows)
