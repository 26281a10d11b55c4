"""The worker process: lease, run, heartbeat, finish. kill -9 at any point loses nothing: the lease runs out."""

import asyncio
import contextlib
import logging

from active_learning.domain.errors import WinnowError
from api.store.connection import UNREACHABLE
from api.store.jobs import Job, Jobs
from workers.jobs import JOBS
from workers.jobs.desk import Desk

logger = logging.getLogger(__name__)

LEASE_S = 15.0
IDLE_S = 0.1
ATTEMPTS = 5
LONGEST_BACKOFF_S = 30.0


async def work(desk: Desk, owner: str, stop: asyncio.Event, slots: int = 3) -> None:
    """Run jobs, ``slots`` at a time, until ``stop`` is set; then finish what is running."""
    await asyncio.gather(*(_slot(desk, f"{owner}/{index}", stop) for index in range(slots)))


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
                await run_leased(desk, owner, job)
        except UNREACHABLE as error:
            silence += 1
            logger.warning("MongoDB does not answer (%s); trying again", error)
            await _sleep(stop, min(LONGEST_BACKOFF_S, 2.0**silence / 4))


async def run_leased(desk: Desk, owner: str, job: Job) -> None:
    """Run one leased job to its end. A lost lease cancels the work: somebody else has it now."""
    jobs, clock = desk.winnow.store.jobs, desk.winnow.clock
    running = asyncio.ensure_future(JOBS[job.kind](desk, job.args))
    beat = asyncio.create_task(_heartbeat(desk, owner, job, running))
    try:
        await running
    except asyncio.CancelledError:
        logger.warning("%s: the lease was lost, the work is left to its new owner", job.id)
    except UNREACHABLE:
        raise
    except Exception as error:
        message = str(error) if isinstance(error, WinnowError) else f"{type(error).__name__}: {error}"
        logger.exception("%s failed: %s", job.id, message)
        backoff = min(LONGEST_BACKOFF_S, 2.0**job.attempts / 4)
        again = backoff if job.every_s or job.attempts < ATTEMPTS else None
        await jobs.fail(job, owner, clock(), message, again)
    else:
        await jobs.finish(job, owner, clock())
    finally:
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError, *UNREACHABLE):
            await beat


async def _heartbeat(desk: Desk, owner: str, job: Job, running: asyncio.Future[None]) -> None:
    jobs: Jobs = desk.winnow.store.jobs
    while True:
        await asyncio.sleep(LEASE_S / 3)
        if not await jobs.heartbeat(job.id, owner, desk.winnow.clock(), LEASE_S):
            running.cancel()
            return


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
