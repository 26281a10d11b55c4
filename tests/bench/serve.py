"""Serving: task page, image, saved answers and submission, next to a bare endpoint of the same server in one run."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from active_learning.domain.label import Source
from api.operations import curating, intake, labeling, picturing, rounds
from api.operations.context import Winnow, open_winnow
from deploy import mongodb, stack
from deploy.processes import Child, Supervisor, free_port
from tests import factories
from tests.bench.load import rate, request
from tests.bench.result import Benchmark, Row, median

RUNS = 5
ASSIGNMENTS = 60
PAGES = 600
GOALS = {"task page": 0.10, "image": 0.10, "answers": 0.10, "submission": 0.03}
"""Shares of a bare endpoint's rate: an image costs two indexed reads, a submission a majority transaction."""


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The least that this server can do: a fixed reply of the size of a small image."""
    if scope["type"] == "http":
        headers = [(b"content-length", b"1000"), (b"content-type", b"image/png")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * 1000})


async def prepare(w: Winnow) -> str:
    """A category with one task of 150 slots; returns the task's id."""
    images, truth = factories.new_images(range(400), yes_every=4)
    await intake.create_category(w, factories.category(lessons=0))
    await intake.add_images(w, "bright", images)
    await picturing.prepare(w, [image.sha256 for image in images])
    for value in (True, False):
        gold = [image for image, answer in truth.items() if answer is value][:40]
        await curating.give_gold(w, "bright", dict.fromkeys(gold, value), Source.IMPORTED, {"by": "bench"})
    await rounds.draw_validation(w, "bright")
    start = rounds.rounds.StartRound(number=1, strategy="random", take=110, validation=0)
    await rounds.start_round(w, "bright", start)
    return (await w.store.tasks.of_round("bright", 1))[0].id


async def tokens(w: Winnow, task: str, run: int) -> list[str]:
    """Open assignments of as many annotators."""
    opened = [await labeling.open_assignment(w, task, f"A{run}N{n}", f"W{run}N{n}", "") for n in range(ASSIGNMENTS)]
    return [assignment.token for assignment in opened]


def answers(start: int, n: int) -> bytes:
    """A batch of saved answers as the page sends it."""
    rows = [{"position": p, "value": p % 2 == 0, "shown_ms": p, "decided_ms": p + 700} for p in range(start, start + n)]
    return json.dumps({"answers": rows}).encode()


async def measure(w: Winnow, task: str, web: int, peer: int) -> dict[str, list[float]]:
    """Rates of each kind, interleaved with the bare endpoint's, ``RUNS`` times."""
    found: dict[str, list[float]] = {name: [] for name in ("bare", *GOALS)}
    for run in range(RUNS):
        open_tokens = await tokens(w, task, run)
        pages = [
            request("GET", f"/tasks/{task}?assignmentId=A{run}N{n % ASSIGNMENTS}&workerId=W{run}N{n % ASSIGNMENTS}")
            for n in range(PAGES)
        ]
        images = [
            request("GET", f"/assignment/images?start={n % 150}&count=1&size=160", open_tokens[n % ASSIGNMENTS])
            for n in range(PAGES)
        ]
        saves = [
            request("PUT", "/assignment/answers", token, answers(start, 10))
            for start in range(0, 150, 10)
            for token in open_tokens
        ]
        ends = [request("POST", "/assignment/submission", token, b'{"viewport": [1280, 800]}') for token in open_tokens]
        found["bare"].append(await rate("127.0.0.1", peer, [request("GET", "/")] * 5_000))
        for name, batch in (("task page", pages), ("image", images), ("answers", saves), ("submission", ends)):
            found[name].append(await rate("127.0.0.1", web, batch))
    return found


async def run_all(data: Path, uri: str, supervisor: Supervisor) -> dict[str, list[float]]:
    """Start both servers and measure."""
    ports = stack.Ports(web=free_port())
    settings = replace(stack.local_settings(data, uri, ports, {}), database="winnow_bench")
    async with open_winnow(settings) as w:
        task = await prepare(w)
        supervisor.start(stack.web(settings, ports, data))
        supervisor.start(bare_server(data, peer := free_port()))
        return await measure(w, task, ports.web, peer)


def bare_server(data: Path, port: int) -> Child:
    """The same server program with the bare application."""
    argv = (
        *(sys.executable, "-m", "uvicorn", "tests.bench.serve:bare", "--host", "127.0.0.1", "--port", str(port)),
        *("--loop", "uvloop", "--no-access-log"),
    )
    return Child("bare", argv, data / "bare.log", {}, f"http://127.0.0.1:{port}/")


def run() -> Benchmark:
    """Measure and compare."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mongodb.start(Path(folder)) as server,
        Supervisor(print) as supervisor,
    ):
        found = asyncio.run(run_all(Path(folder), server.uri, supervisor))
    return Benchmark([row(name, found[name], found["bare"]) for name in GOALS])


def row(name: str, runs: Sequence[float], peer: Sequence[float]) -> Row:
    """One measured endpoint."""
    return Row(
        name=f"serve: {name}",
        what=f"{name} requests a second, 16 connections, one process, majority writes",
        unit="requests/s",
        ours=median(runs),
        peer={"name": "bare endpoint of the same server", "value": median(peer)},
        goal=GOALS[name],
        runs=[round(value, 1) for value in runs],
    )
