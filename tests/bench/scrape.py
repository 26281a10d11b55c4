"""Images a second from a server into the pool, beside img2dataset from the same server into tar files.

One loopback server of different JPEGs of 20 to 60 KB; both sides fetch the same URLs as whole commands, one after the
other (A B A B). Winnow does more: sha256, perceptual hash, near-duplicates, MongoDB. ``images/s`` is net of start-up:
images beyond those of a 2-URL job by the time beyond that of a 2-URL job. MongoDB runs beforehand, as a service does;
its CPU is in nobody's time, its memory neither.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pymongo import MongoClient

from active_learning.domain.category import Category
from active_learning.domain.intake import IntakePolicy
from api.operations import intake
from api.operations.context import open_winnow
from api.settings import Settings
from deploy import mongodb
from deploy.processes import free_port
from tests.bench import crews, peers
from tests.bench.pictures import write_pictures
from tests.bench.processes import Measured, measure
from tests.bench.result import Benchmark, Row

PEER = "img2dataset==1.47.0"
IMAGES = 10_000
"""All different: what the peer would store twice, Winnow would not."""
MANY = 100_000
ROUNDS = 5
SLOW_S = 0.2
PROCESSES = 2
ROOT = peers.ROOT
LIMIT = (
    "two plain PyMongo processes: the same bytes from files, 64 at a time, acknowledged by the majority, "
    "start included; without HTTP, decoding, facts, candidates, hashes, outcomes and transactions"
)
"""What the limit of MongoDB includes, and what it does not."""


@dataclass(frozen=True)
class Bench:
    """The parts that all measurements share."""

    folder: Path
    mongodb: str
    peer: Path


@dataclass(frozen=True)
class Job:
    """One kind of measurement: how many images, from where, and how each side is told to fetch them."""

    name: str
    images: int
    latency: float = 0.0
    form: str = "original"
    connections: int = 32
    threads: int = 16
    processes: int = PROCESSES


def run() -> Benchmark:
    """Measure every job, the sides taking turns."""
    peer = peers.environment(PEER)
    with tempfile.TemporaryDirectory(prefix="winnow-bench-scrape-") as name:
        folder = Path(name)
        write_pictures(folder / "pictures", IMAGES)
        with mongodb.start(folder / "mongodb") as server:
            bench = Bench(folder, server.uri, peer)
            result = Benchmark()
            with image_server(folder / "pictures", 0.0) as url:
                limits = (server_limit(url), raw_inserts(bench))
                tiny = both(bench, url, Job("two", 2), ROUNDS)
                plain = both(bench, url, Job("plain", IMAGES), ROUNDS)
                resized = both(bench, url, Job("resized", IMAGES, form="lsun"), 3)
                many = winnow(bench, url, Job("many", MANY))
                actors, processes = crews.rates(bench.mongodb, url, IMAGES // 2, 3)
            with image_server(folder / "pictures", SLOW_S) as url:
                slow = Job("slow", IMAGES, SLOW_S, connections=1_000, threads=1_000, processes=1)
                late = both(bench, url, slow, 3)
            result.rows += rows(limits, tiny, plain, resized, late, many)
            peer = {"name": "two plain processes", "value": round(statistics.median(processes))}
            ours = round(statistics.median(actors))
            result.rows.append(Row("two Ray actors", "net of start-up", "images/s", ours, peer, 0.95, _rounded(actors)))
            return result


Pairs = Sequence[tuple[Measured, Measured]]


def rows(
    limits: tuple[float, float], tiny: Pairs, plain: Pairs, resized: Pairs, late: Pairs, many: Measured
) -> list[Row]:
    """What was measured, each beside its peer."""
    start = tuple(statistics.median(pair[side].wall for pair in tiny) for side in (0, 1))

    def rate(name: str, what: str, pairs: Pairs, goal: float) -> Row:
        ours, theirs = ([IMAGES / max(0.01, pair[side].wall - start[side]) for pair in pairs] for side in (0, 1))
        peer = {"name": "img2dataset", "value": round(statistics.median(theirs))}
        return Row(name, what, "images/s", round(statistics.median(ours)), peer, goal, _rounded(ours))

    def less(name: str, what: str, unit: str, pairs: Pairs, of: Callable[[Measured], float], goal: float) -> Row:
        ours, theirs = ([of(pair[side]) for pair in pairs] for side in (0, 1))
        peer = {"name": "img2dataset", "value": round(statistics.median(theirs), 3)}
        return Row(name, what, unit, round(statistics.median(ours), 3), peer, goal, _rounded(ours), less=True)

    third = len(many.memory) // 3
    early, end = max(many.memory[:third]) / 1e6, max(many.memory[-third:]) / 1e6

    def beside(name: str, what: str, limit: float, goal: float) -> Row:
        ours = [IMAGES / max(0.01, pair[0].wall - start[0]) for pair in plain]
        peer = {"name": "limit", "value": round(limit)}
        return Row(name, what, "images/s", round(statistics.median(ours)), peer, goal, _rounded(ours))

    return [
        rate("into MongoDB", "sha256, perceptual hash, near-duplicates, MongoDB; the peer into tar", plain, 1.8),
        rate("shorter side 256", "the same with LSUN's form; the peer resizes to 256 too", resized, 1.5),
        less("10,000 images", "the whole command", "s", plain, lambda one: one.wall, 1 / 2.2),
        less("CPU per image", "without MongoDB's own", "us", plain, lambda one: one.cpu / IMAGES * 1e6, 1.0),
        less("memory", "peak of all processes but MongoDB", "MB", plain, lambda one: one.peak, 0.4),
        Row(
            *("memory over 100,000", "peak of the last third by the first third", "MB", round(end)),
            *({"name": "our first third", "value": round(early)}, 1.1, [round(end)]),
            less=True,
        ),
        rate("200 ms latency", "one process, 1,000 connections or threads", late, 2.0),
        less("a 2-URL job", "the whole command", "s", tiny, lambda one: one.wall, 0.25),
        beside("beside MongoDB's limit", LIMIT, limits[1], 0.8),
        beside("beside the server's limit", "two bare clients that throw away what they get", limits[0], 0.0),
    ]


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 3) for value in values]


def both(bench: Bench, url: str, job: Job, rounds: int) -> Pairs:
    """Measure a job on both sides in turn."""
    return [(winnow(bench, url, job), img2dataset(bench, url, job)) for _ in range(rounds)]


def winnow(bench: Bench, url: str, job: Job) -> Measured:
    """``./winnow scrape`` into an empty category of a database that is there; checks that every URL has its outcome."""
    urls = url_list(bench, url, job)
    database = f"bench_{job.name}_{time.monotonic_ns()}"
    settings = Settings(
        mongodb_uri=bench.mongodb,
        database=database,
        scrape_per_second=0.0,
        scrape_connections=job.connections,
        scrape_networks=("127.0.0.0/8",),
        scrape_processes=job.processes,
    )
    asyncio.run(_furnish(settings, job.form))
    env = {**os.environ, **settings.to_env()}
    argv = [
        *(sys.executable, "-m", "deploy.cli", "scrape", "bench", "--source", "list", "--path", str(urls)),
        *("--data", str(bench.folder / "data")),
    ]
    measured = measure(argv, env, ROOT)
    if f"of {job.images:,} found" not in measured.output:
        raise RuntimeError(f"not every URL was decided: {measured.output[-2_000:]}")
    with MongoClient[dict[str, object]](bench.mongodb) as client:
        client.drop_database(database)
    return measured


async def _furnish(settings: Settings, form: str) -> None:
    async with open_winnow(settings) as w:
        policy = IntakePolicy.model_validate({"form": form})
        await intake.create_category(w, Category(slug="bench", question="Is it there?", intake=policy))


def img2dataset(bench: Bench, url: str, job: Job) -> Measured:
    """The peer at its best here: WebDataset shards, no re-encoding unless asked, no retries."""
    urls = url_list(bench, url, job)
    out = bench.folder / "peer"
    shutil.rmtree(out, ignore_errors=True)
    resize = ("--resize_mode", "no", "--skip_reencode", "True")
    if job.form == "lsun":
        resize = ("--image_size", "256", "--resize_mode", "keep_ratio", "--encode_quality", "75")  # type: ignore[assignment]
    argv = [
        *(str(bench.peer), "-c", "from img2dataset.main import main; main()"),
        *("--url_list", str(urls), "--input_format", "txt", "--output_format", "webdataset"),
        *("--output_folder", str(out), "--processes_count", str(job.processes), "--thread_count", str(job.threads)),
        *("--number_sample_per_shard", str(max(2, min(2_500, job.images // job.processes)))),
        *("--enable_wandb", "False", *resize),
    ]
    return measure(argv, {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"}, bench.folder)


def url_list(bench: Bench, url: str, job: Job) -> Path:
    """The job's URLs, one a line."""
    path = bench.folder / f"{job.name}.txt"
    path.write_text("".join(f"{url}/{number}.jpg\n" for number in range(job.images)))
    return path


@contextmanager
def image_server(pictures: Path, latency: float) -> Iterator[str]:
    """The image server in a process of its own."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.bench.image_server", str(port), str(pictures), str(latency)]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def raw_inserts(bench: Bench) -> float:
    """Images a second that MongoDB takes from plain PyMongo: what no layer over it can exceed."""
    half = IMAGES // PROCESSES
    started = time.monotonic()
    argv = [sys.executable, "-m", "tests.bench.raw_insert", bench.mongodb, str(bench.folder / "pictures")]
    clients = [subprocess.Popen([*argv, str(n * half), str((n + 1) * half)], cwd=ROOT) for n in range(PROCESSES)]
    for client in clients:
        if client.wait():
            raise RuntimeError("plain PyMongo failed")
    seconds = time.monotonic() - started
    with MongoClient[dict[str, object]](bench.mongodb) as client:
        client.drop_database("bench_raw")
    return IMAGES / seconds


def server_limit(url: str) -> float:
    """Images a second that bare clients get from the server: what nobody can exceed here."""
    started = time.monotonic()
    argv = [sys.executable, "-m", "tests.bench.bare_client", url, str(IMAGES)]
    clients = [subprocess.Popen(argv, cwd=ROOT) for _ in range(PROCESSES)]
    for client in clients:
        if client.wait():
            raise RuntimeError("a bare client failed")
    seconds = time.monotonic() - started
    with urllib.request.urlopen(f"{url}/served") as answer:
        return int(answer.read()) / seconds
