"""The worker process: lease, run, heartbeat, finish. kill -9 at any point loses nothing: the lease runs out."""

import asyncio
import contextlib
import logging

from api.operations import monitoring
from api.store.connection import UNREACHABLE
from workers.jobs import JOBS, watch
from workers.jobs.desk import Desk
from workers.leased import LEASE_S, LONGEST_BACKOFF_S, run_leased

logger = logging.getLogger(__name__)

IDLE_S = 0.1


async def work(desk: Desk, owner: str, stop: asyncio.Event, slots: int = 3) -> None:
    """Run jobs, ``slots`` at a time, until ``stop`` is set; then finish what is running."""
    alive = asyncio.create_task(_live(desk, owner, slots))
    try:
        await asyncio.gather(*(_slot(desk, f"{owner}/{index}", stop) for index in range(slots)))
    finally:
        alive.cancel()
        with contextlib.suppress(asyncio.CancelledError, *UNREACHABLE):
            await alive
        await monitoring.leave(desk.winnow, owner)


async def _live(desk: Desk, owner: str, slots: int) -> None:
    """Say that this worker lives, until it is cancelled; somebody has to look after the market, too."""
    w = desk.winnow
    while True:
        with contextlib.suppress(*UNREACHABLE):
            await monitoring.beat(w, owner, "worker", slots)
            await w.store.jobs.insert("watch", {}, w.clock(), every_s=watch.EVERY_S)
        await asyncio.sleep(monitoring.BEAT_S)


async def _slot(desk: Desk, owner: str, stop: asyncio.Event) -> None:
    jobs, clock = desk.winnow.store.jobs, desk.winnow.clock
    silence = 0
    while not stop.is_set():
        try:
            job = await jobs.lease(owner, list(JOBS), clock(), LEASE_S)
            silence = 0
            if job is None:
                await _sleep(stop, IDLE_S)
            else:
                await run_leased(desk.winnow, owner, job, JOBS[job.kind](desk, job.args))
        except UNREACHABLE as error:
            silence += 1
            logger.warning("MongoDB does not answer (%s); trying again", error)
            await _sleep(stop, min(LONGEST_BACKOFF_S, 2.0**silence / 4))


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
