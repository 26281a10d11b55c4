"""What the back end does, and jobs that are to be tried again."""

from fastapi import APIRouter

from api.access import Curator, Reader
from api.deps import Opened
from api.operations import monitoring
from api.routers.rest import PREFIX
from api.schemas import ERRORS
from labeling_ui.contexts import Monitor

router = APIRouter(prefix=PREFIX, tags=["monitor"], responses=ERRORS)


@router.get("/monitor")
async def read_monitor(w: Opened, me: Reader) -> Monitor:
    """Jobs, processes, markets, categories in the loop, searches for images, and what happened lately."""
    return await monitoring.look(w)


@router.post("/jobs/{job}/retry", status_code=204)
async def retry_job(w: Opened, me: Curator, job: str) -> None:
    """Give a job that has failed a full set of attempts at once."""
    await monitoring.retry(w, job)
