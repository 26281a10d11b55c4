"""The store: images of 30 KB written and read, beside plain PyMongo, LMDB and files; metadata apart from bytes.

``WINNOW_BENCH_IMAGES`` takes another largest size than 10,000 (the full comparison: 50000). LMDB takes part where it is
installed. MongoDB's server shares this machine with its clients, which LMDB and files do not have to.
"""

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from pymongo import MongoClient

from deploy import mongodb
from tests.bench.result import Benchmark, Row, median
from tests.bench.stores import LMDB, SYSTEMS, System

IMAGE_BYTES = 30_000
BATCH = 64
TASK = 150
IN_FLIGHT = 64
RUNS = 5
LARGEST = int(os.environ.get("WINNOW_BENCH_IMAGES", "10000"))
SIZES = (*(size for size in (1_000, 10_000, 50_000) if size < LARGEST), LARGEST)
PROCESSES = 2
MONGODB = ("winnow", "pymongo")
START_S = 0.2
"""Processes that measure together begin at an agreed moment so far away."""

LAYER, LAYER_CPU, COALESCED, LATENCY, SCAN, WRITTEN = 0.9, 1.1, 4.0, 0.25, 20.0, 0.05
"""Goals: our layer beside the driver (rate, processor time); coalesced reads beside plain finds (rate, slowest 1 %);
a scan of metadata apart from bytes; the bytes that an update of labels writes."""

TOGETHER = 20_000
SMALL_CACHE_GB = 0.25
"""A server with less memory than ``TOGETHER`` images: what every pool comes to."""
LABELED = 1_000


@dataclass(frozen=True)
class Job:
    """One act of one process: ``what`` is write, tasks or singles, over the images ``start`` to ``start + count``."""

    system: str
    what: str
    place: str
    name: str
    start: int
    count: int
    stored: int
    at: float = 0.0


@dataclass(frozen=True)
class Measured:
    """Seconds of one process, its processor time, and the seconds of the slowest hundredth of single reads."""

    seconds: float
    cpu: float
    p99: float = 0.0


def key(name: str, number: int) -> str:
    """An id like that of a real picture."""
    return sha256(f"{name} {number}".encode()).hexdigest()


def pictures(name: str, start: int, count: int) -> Iterator[dict[str, bytes]]:
    """Batches of images; none of them can be compressed."""
    noise = np.random.default_rng(1).bytes(8 << 20)
    for first in range(start, start + count, BATCH):
        numbers = range(first, min(first + BATCH, start + count))
        yield {key(name, n): noise[(at := n * 7_919 % (len(noise) - IMAGE_BYTES)) : at + IMAGE_BYTES] for n in numbers}


def measure(job: Job) -> Measured:
    """Do it, in a process of a pool."""
    measured: Measured = uvloop.run(_measure(job))
    return measured


async def _measure(job: Job) -> Measured:
    system = SYSTEMS[job.system]()
    await system.open(job.place, job.name)
    batches = list(pictures(job.name, job.start, job.count)) if job.what == "write" and job.count <= 10_000 else None
    chosen = np.random.default_rng(job.start).integers(0, job.stored, job.count).tolist() if job.stored else []
    keys = [key(job.name, number) for number in chosen]
    if keys:
        await system.one(keys[0])  # connected
    await asyncio.sleep(max(0.0, job.at - time.time()))
    started, cpu = time.perf_counter(), time.process_time()
    times: list[float] = []
    if job.what == "write":
        for batch in batches or pictures(job.name, job.start, job.count):
            await system.write(batch)
    elif job.what == "tasks":
        for first in range(0, len(keys), TASK):
            assert len(await system.many(keys[first : first + TASK])) == len(set(keys[first : first + TASK]))
    else:
        times = await _singles(system, keys)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    return Measured(seconds, used, float(np.quantile(times, 0.99)) if times else 0.0)


async def _singles(system: System, keys: Sequence[str]) -> list[float]:
    waiting, times = iter(keys), []

    async def reader() -> None:
        for one in waiting:
            started = time.perf_counter()
            assert len(await system.one(one)) == IMAGE_BYTES
            times.append(time.perf_counter() - started)

    await asyncio.gather(*(reader() for _ in range(IN_FLIGHT)))
    return times


class Bench:
    """Measures acts in processes of their own, and keeps what it found under (system, act, size, processes)."""

    def __init__(self, pool: ProcessPoolExecutor, uri: str, folder: Path) -> None:
        self._pool, self._uri, self._folder = pool, uri, folder
        self.rates: dict[tuple[str, str, int, int], list[float]] = {}
        self.cpu: dict[tuple[str, str, int, int], list[float]] = {}
        self.p99: dict[tuple[str, str, int, int], list[float]] = {}

    def run(self, system: str, what: str, name: str, size: int, count: int, processes: int) -> None:
        """One measurement: ``count`` images in all, shared among the processes."""
        mongo = system in MONGODB
        share = count // processes
        stored = 0 if what == "write" else size
        job = Job(system, what, self._uri if mongo else str(self._folder), name, 0, share, stored)
        at = time.time() + START_S
        jobs = [replace(job, start=share * number, at=at) for number in range(processes)]
        found = list(self._pool.map(measure, jobs))
        place = (system, what, size, processes)
        self.rates.setdefault(place, []).append(share * processes / max(one.seconds for one in found))
        self.cpu.setdefault(place, []).append(1e6 * sum(one.cpu for one in found) / (share * processes))
        self.p99.setdefault(place, []).append(1e3 * max(one.p99 for one in found))


def compare(bench: Bench, uri: str, folder: Path) -> None:
    """Everything, interleaved: each system does the same act before the next act begins."""
    systems = [name for name in SYSTEMS if name != "lmdb" or LMDB is not None]
    for size in SIZES:
        for run in range(RUNS):
            for processes in (1, PROCESSES):
                order = systems if run % 2 == 0 else systems[::-1]
                names = {system: f"{system}{size}x{processes}r{run}" for system in order}
                reads = min(size, 6_000) // (TASK * PROCESSES) * TASK * PROCESSES
                for what, count in (("write", size), ("tasks", reads), ("singles", reads)):
                    for system in order:
                        # the others once, and what takes long only where it is shown
                        ours = system in MONGODB and (size == LARGEST or what != "singles")
                        if ours or (size == LARGEST and processes == 1):
                            bench.run(system, what, names[system], size, count, processes)
                _clear(uri, folder, names.values())


def _clear(uri: str, folder: Path, names: Iterable[str]) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        for name in names:
            client["bench"].drop_collection(name)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@contextmanager
def small_server(folder: Path) -> Iterator[mongodb.LocalMongo]:
    """A server whose cache is smaller than the data."""
    usual, mongodb.CACHE_GB = mongodb.CACHE_GB, SMALL_CACHE_GB
    try:
        with mongodb.start(folder) as server:
            yield server
    finally:
        mongodb.CACHE_GB = usual


def apart(folder: Path) -> dict[str, list[float]]:
    """Seconds of a scan of metadata and MB written by an update of labels: bytes apart, and in the same documents."""
    found: dict[str, list[float]] = {}
    rng = np.random.default_rng(2)
    with small_server(folder) as server, MongoClient[dict[str, Any]](server.uri) as client:
        database = client["bench"]
        for batch in pictures("apart", 0, TOGETHER):
            facts: list[dict[str, Any]] = [
                {"_id": one, "width": 640, "height": 480, "score": float(rng.random())} for one in batch
            ]
            database["images"].insert_many(facts)
            database["blobs"].insert_many([{"_id": one, "data": data} for one, data in batch.items()])
            database["both"].insert_many([{**fact, "data": batch[fact["_id"]]} for fact in facts])
        for _ in range(RUNS):
            chosen = [key("apart", n) for n in rng.choice(TOGETHER, LABELED, replace=False).tolist()]
            for name in ("images", "both"):
                started = time.perf_counter()
                database[name].count_documents({"score": {"$gt": 0.99}})
                found.setdefault(f"{name} scan", []).append(1e3 * (time.perf_counter() - started))
                client.admin.command("fsync")
                before = _written(server.process.pid)
                database[name].update_many({"_id": {"$in": chosen}}, {"$set": {"label": float(rng.random())}})
                client.admin.command("fsync")
                found.setdefault(f"{name} write", []).append((_written(server.process.pid) - before) / 1e6)
    return found


def _written(pid: int) -> int:
    """The bytes that a process has sent to the disk."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def run() -> Benchmark:
    """Measure and compare."""
    if LMDB is None:
        print("LMDB is not installed and takes no part: pip install lmdb, and run this again.")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(PROCESSES, context) as pool:
        with mongodb.start(Path(folder) / "server") as server:
            place = Path(folder) / "files"
            place.mkdir()
            bench = Bench(pool, server.uri, place)
            compare(bench, server.uri, place)
        together = apart(Path(folder) / "small")
    return Benchmark([*_coalesced(bench), *_layer(bench), *_others(bench), *_together(together)])


def _row(
    name: str, unit: str, ours: Sequence[float], peer: tuple[str, Sequence[float]], goal: float, less: bool
) -> Row:
    return Row(
        name=f"store: {name}",
        what=f"{name}, images of {IMAGE_BYTES // 1_000} KB, majority writes",
        unit=unit,
        ours=median(ours),
        peer={"name": peer[0], "value": median(peer[1])},
        goal=goal,
        runs=[round(value, 1) for value in ours],
        less=less,
    )


def _coalesced(bench: Bench) -> list[Row]:
    ours, plain = (("winnow", "singles", LARGEST, 1), ("pymongo", "singles", LARGEST, 1))
    peer = f"plain find_one, {IN_FLIGHT} in flight"
    name = f"single reads of {LARGEST:,}"
    return [
        _row(name, "images/s", bench.rates[ours], (peer, bench.rates[plain]), COALESCED, less=False),
        _row(f"{name}, client", "us/image", bench.cpu[ours], (peer, bench.cpu[plain]), 1 / COALESCED, less=True),
        _row(f"{name}, slowest 1 %", "ms", bench.p99[ours], (peer, bench.p99[plain]), LATENCY, less=True),
    ]


def _layer(bench: Bench) -> list[Row]:
    """Our layer beside the driver."""
    rows = []
    for size in SIZES:
        for processes in (1, PROCESSES):
            for what, words in (("write", "write"), ("tasks", f"tasks of {TASK} from")):
                ours, plain = ("winnow", what, size, processes), ("pymongo", what, size, processes)
                name = f"{words} {size:,}, {processes} process{'es' if processes > 1 else ''}"
                rows.append(
                    _row(name, "images/s", bench.rates[ours], ("plain PyMongo", bench.rates[plain]), LAYER, less=False)
                )
                rows.append(
                    _row(
                        *(f"{name}, client", "us/image", bench.cpu[ours], ("plain PyMongo", bench.cpu[plain])),
                        LAYER_CPU,
                        less=True,
                    )
                )
    return rows


def _others(bench: Bench) -> list[Row]:
    """LMDB and files: no aim (they serve one machine), said so that nobody has to guess."""
    rows = []
    for system, words in (("lmdb", "LMDB"), ("files", "files")):
        for what in ("write", "tasks", "singles"):
            other = bench.rates.get((system, what, LARGEST, 1))
            if other is not None:
                ours = bench.rates["winnow", what, LARGEST, 1]
                rows.append(_row(f"{what} {LARGEST:,}", "images/s", ours, (words, other), 0, less=False))
    return rows


def _together(found: dict[str, list[float]]) -> list[Row]:
    """Metadata apart from bytes; scans as a rate, so that more is better."""
    scans = {name: [1e3 / ms for ms in found[f"{name} scan"]] for name in ("images", "both")}
    one = "one document with its bytes"
    return [
        _row(f"scan of {TOGETHER:,} facts", "scans/s", scans["images"], (one, scans["both"]), SCAN, less=False),
        _row(
            f"{LABELED:,} labels", "MB to disk", found["images write"], (one, found["both write"]), WRITTEN, less=True
        ),
    ]
