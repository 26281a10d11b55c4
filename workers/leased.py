"""One leased job: run it, keep its lease, finish it or note its error."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from active_learning.domain.errors import WinnowError
from api.operations import happenings
from api.operations.context import Winnow
from api.store.connection import UNREACHABLE
from api.store.jobs import Job

logger = logging.getLogger(__name__)

LEASE_S = 15.0
ATTEMPTS = 5
LONGEST_BACKOFF_S = 30.0


async def run_leased(w: Winnow, owner: str, job: Job, work: Coroutine[Any, Any, None]) -> None:
    """Run the work of one leased job to its end. A lost lease cancels it: somebody else has it now."""
    jobs, clock = w.store.jobs, w.clock
    began = clock()
    running = asyncio.ensure_future(work)
    beat = asyncio.create_task(_heartbeat(w, owner, job, running))
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
        news = await jobs.fail(job, owner, clock(), message, again)
        await happenings.failed(w, job, (clock() - began).total_seconds(), message, news)
    else:
        await jobs.finish(job, owner, clock())
        await happenings.ran(w, job, (clock() - began).total_seconds())
    finally:
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError, *UNREACHABLE):
            await beat


async def _heartbeat(w: Winnow, owner: str, job: Job, running: asyncio.Future[None]) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        if not await w.store.jobs.heartbeat(job.id, owner, w.clock(), LEASE_S):
            running.cancel()
            return
