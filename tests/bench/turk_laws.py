"""A million random steps of requesters and workers at the marketplace: no illegal transition, money is conserved."""

import asyncio
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import uvloop

from deploy import mongodb
from tests.bench.result import Benchmark, Row
from tests.mongod import expire_nothing
from tests.turk.law_runs import on_mongodb
from workers.turk.database import Database

STEPS = 1_000_000
LENGTH = 250
MEMORY = Path("/dev/shm")
"""Where MongoDB keeps its files, if it is there: a disk is slow to sync, and no power is cut here."""

WORLDS = 100
"""Worlds that one process plays in a database of its own before it says how far it is."""


def play(uri: str, first: int) -> int:
    """Worlds from this seed on; returns how many steps were done. Raises Broken with the fewest steps that are red."""

    async def worlds() -> int:
        database = Database(uri, f"laws_{first}")
        await database.prepare()
        try:
            done, _ = await on_mongodb(database, range(first, first + WORLDS), LENGTH)
        finally:
            await database.close()
        return done

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(worlds())


def run() -> Benchmark:
    """Play until there are enough steps. Every second processor is left to MongoDB."""
    done, started = 0, time.perf_counter()
    context = multiprocessing.get_context("spawn")
    players = max(1, (os.cpu_count() or 1) // 2)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
        mongodb.start(Path(folder)) as server,
        ProcessPoolExecutor(players, mp_context=context) as processes,
    ):
        expire_nothing(server.uri)
        seeds = range(0, 2 * STEPS // LENGTH, WORLDS)
        for some in processes.map(partial(play, server.uri), seeds):
            done += some
            print(f"  {done:,} of {STEPS:,} steps, {done / (time.perf_counter() - started):,.0f} a second", flush=True)
            if done >= STEPS:
                processes.shutdown(cancel_futures=True)
                break
    seconds = time.perf_counter() - started
    what = f"steps at the moves and operations on MongoDB, beside a model; {done / seconds:,.0f} a second"
    asked = {"name": "asked for", "value": STEPS}
    return Benchmark([Row("laws: steps that broke none", what, "steps", done, asked, 1.0, [done])])
