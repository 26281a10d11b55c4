"""How far a long job is: written into its document now and then, for `status` and the pages."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from api.store.jobs import job_id
from workers.jobs.desk import Desk
from workers.ray_runtime import Progress

EVERY = timedelta(seconds=1)


def reporter(desk: Desk, kind: str, args: Mapping[str, Any]) -> Progress:
    """A callback that notes the progress of this job, once a second at most; the last part is always noted."""
    jobs, clock, job = desk.winnow.store.jobs, desk.winnow.clock, job_id(kind, args)
    last: list[datetime] = []

    async def progress(step: str, done: int, total: int) -> None:
        now = clock()
        if not last or done == total or now - last[-1] >= EVERY:
            last[:] = [now]
            await jobs.report(job, step, done, total, now)

    return progress
