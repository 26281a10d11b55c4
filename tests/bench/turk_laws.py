"""A million random steps of requesters and workers at the marketplace: no illegal transition, money is conserved."""

import asyncio
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

from tests.bench.result import Benchmark, Row
from tests.turk.law_runs import many

STEPS = 1_000_000
LENGTH = 250
WORLDS = 100
"""Worlds that one processor plays before it says how far it is."""


def play(first: int) -> int:
    """Worlds from this seed on; returns how many steps were done. Raises Broken with the fewest steps that are red."""
    done, _ = asyncio.run(many(range(first, first + WORLDS), LENGTH))
    return done


def run() -> Benchmark:
    """Play on all processors until there are enough steps."""
    done, started = 0, time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as processes:
        seeds = range(0, 2 * STEPS // LENGTH, WORLDS)
        for some in processes.map(play, seeds):
            done += some
            if done >= STEPS:
                processes.shutdown(cancel_futures=True)
                break
    seconds = time.perf_counter() - started
    what = (
        f"steps at the moves and operations over collections in memory, beside a model; {done / seconds:,.0f} a second"
    )
    asked = {"name": "asked for", "value": STEPS}
    return Benchmark([Row("laws: steps that broke none", what, "steps", done, asked, 1.0, [done])])
