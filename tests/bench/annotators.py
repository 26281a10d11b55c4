"""How many annotators one web process serves with 95 % of all replies within 150 ms, and its memory over an hour.

WINNOW_BENCH_QUICK=1 takes shorter looks and leaves the hour out.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deploy.processes import free_port
from tests.bench import workplace
from tests.bench.crowd import SECONDS_AN_ANSWER, SETTLE, Order
from tests.bench.load import rate, request
from tests.bench.result import Benchmark, Row, median
from tests.bench.serve import bare_server
from tests.bench.workplace import Workplace

STEPS = (100, 200, 400, 600, 800, 1200, 1600, 2400)
ARRIVALS = 25
"""Annotators who come each second before a level is measured: in fact they would come over minutes."""

WINDOW = 22.0
"""Seconds. A batch of pictures lasts 20: the window holds a whole turn of everybody's."""

QUICK_WINDOW = 8.0
ENOUGH_MS = 150.0
GOAL = 0.02
"""Share of a bare endpoint's requests a second that real ones reach: a batch of 12 pictures is half a megabyte."""

HOUR_OF = 60
HOUR = 3600.0
WARM = 0.1
FLAT = 1.05
SLOTS = 150


@dataclass(frozen=True)
class Level:
    """One number of annotators: replies a second, percentiles in ms, CPU seconds a second of both processes."""

    annotators: int
    rate: float
    p50: float
    p95: float
    kinds: dict[str, tuple[float, float]]
    web_cpu: float
    own_cpu: float
    errors: dict[str, int]

    @property
    def held(self) -> bool:
        """Whether everybody was served well."""
        return self.p95 <= ENOUGH_MS and not self.errors

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {p50:.0f}/{p95:.0f}" for kind, (p50, p95) in self.kinds.items())
        errors = f"; errors {self.errors}" if self.errors else ""
        return (
            f"{self.annotators} annotators: {self.rate:.0f} requests/s, p50 {self.p50:.0f} ms, p95 {self.p95:.0f} ms "
            f"({kinds}); CPU web {self.web_cpu:.2f}, load {self.own_cpu:.2f}{errors}"
        )


def run() -> Benchmark:
    """Measure and compare."""
    with tempfile.TemporaryDirectory() as folder, workplace.started(Path(folder)) as started:
        place = asyncio.run(workplace.furnish(started, tasks=3, gold=150))
        # The hour comes first: a process that was overloaded before tells nothing of what it needs.
        memory = [] if quick() else [memory_row(asyncio.run(hour(place)))]
        return Benchmark([capacity_row(*asyncio.run(climb(place))), *memory])


def quick() -> bool:
    """Whether only a short look is wanted."""
    return bool(os.environ.get("WINNOW_BENCH_QUICK"))


async def climb(place: Workplace) -> tuple[list[Level], float]:
    """Levels up to the first that does not hold, and the bare endpoint's requests a second before and after."""
    place.supervisor.start(bare_server(place.data, port := free_port()))
    bare = [await bare_rate(port)]
    levels = []
    for annotators in STEPS:
        levels.append(await level(place, annotators))
        print(levels[-1], flush=True)
        if not levels[-1].held:
            break
    return levels, median([*bare, await bare_rate(port)])


async def bare_rate(port: int) -> float:
    """Requests a second of the least that the server program can do."""
    return await rate("127.0.0.1", port, [request("GET", "/")] * 5_000)


async def level(place: Workplace, annotators: int) -> Level:
    """So many annotators at once."""
    window = QUICK_WINDOW if quick() else WINDOW
    ramp = SETTLE + annotators / ARRIVALS
    order = Order(place.port, list(place.tasks), f"L{annotators}", annotators, ramp, window)
    before = cpu_seconds(place.web_pid)
    found = await load(order)
    web_cpu = (cpu_seconds(place.web_pid) - before) / found["seconds"]
    times = [seconds for _, seconds in found["times"]]
    p50, p95 = percentiles(times)
    kinds = {
        kind: percentiles([seconds for one, seconds in found["times"] if one == kind])
        for kind in dict.fromkeys(kind for kind, _ in found["times"])
    }
    own = found["cpu"] / found["seconds"]
    return Level(annotators, len(times) / window, p50, p95, kinds, web_cpu, own, found["errors"])


async def load(order: Order) -> dict[str, Any]:
    """Let a process of its own simulate the order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.crowd"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(asdict(order)).encode())
    if process.returncode != 0:
        raise RuntimeError(f"The load generator ended with {process.returncode}.")
    found: dict[str, Any] = json.loads(out)
    return found


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """p50 and p95 in milliseconds."""
    p50, p95 = np.percentile(seconds, (50, 95)) * 1000
    return float(p50), float(p95)


async def hour(place: Workplace) -> list[tuple[float, float, float]]:
    """(seconds, share of the hour done, resident MB of the web process), while an hour's requests come as fast as the
    server takes them. The share goes by time: the requests are the same from beginning to end."""
    assignments = round(HOUR_OF * HOUR / SECONDS_AN_ANSWER / SLOTS)
    order = Order(place.port, list(place.tasks), "H", HOUR_OF, hurry=True, assignments=assignments)
    started = time.perf_counter()
    series = []
    loading = asyncio.create_task(load(order))
    while not loading.done():
        series.append((time.perf_counter() - started, resident_mb(place.web_pid)))
        await asyncio.wait([loading], timeout=1.0)
    found = await loading
    if found["errors"]:
        raise RuntimeError(f"The hour had errors: {found['errors']}")
    print(f"{found['assignments']} assignments, {found['answers']} answers, {len(found['times'])} requests", flush=True)
    return [(at, at / series[-1][0], size) for at, size in series]


def capacity_row(levels: Sequence[Level], peer: float) -> Row:
    """The most annotators that were served well."""
    held = [one for one in levels if one.held]
    best = held[-1] if held else levels[0]
    number = best.annotators if held else 0
    what = f"requests a second of {number} annotators, p95 at most {ENOUGH_MS:.0f} ms over all replies. "
    return Row(
        name=f"{number} annotators",
        what=what + "; ".join(map(str, levels)),
        unit="requests/s",
        ours=round(best.rate, 1),
        peer={"name": "bare endpoint of the same server, as fast as it can", "value": peer},
        goal=GOAL,
        runs=[round(one.p95, 1) for one in levels],
    )


def memory_row(series: Sequence[tuple[float, float, float]]) -> Row:
    """Resident memory at the end of an hour next to that after its warm-up."""
    warm = [size for _, share, size in series if WARM <= share <= 2 * WARM]
    late = [size for _, share, size in series if share >= 1 - WARM]
    return Row(
        name="memory over an hour",
        what=f"resident memory of the web process: the last tenth of an hour of {HOUR_OF} annotators, in fast motion, "
        "next to its second tenth",
        unit="MB",
        ours=median(late),
        peer={"name": "the same process, warmed up", "value": median(warm)},
        goal=FLAT,
        runs=[round(size, 1) for _, _, size in series],
        less=True,
    )


def resident_mb(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
