"""The monitor, and the measurements for Prometheus."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, cast

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from api import metrics, replies
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import monitoring
from labeling_ui.contexts import MonitorPage

router = APIRouter(include_in_schema=False)

EVERY_S = 2.0
"""Ages grow whether anything changes or not: so there is news as often as this."""


@router.get("/monitor", response_class=HTMLResponse)
async def monitor(w: Opened, me: Reader) -> HTMLResponse:
    """Everything that the back end does."""
    return replies.page(MonitorPage(state=await monitoring.look(w)), me)


@router.get("/monitor/events")
async def events(w: Opened, me: Reader) -> StreamingResponse:
    """A server-sent event every two seconds."""
    return replies.news(_ticks(), w.clock)


async def _ticks() -> AsyncGenerator[None, None]:
    while True:
        await asyncio.sleep(EVERY_S)
        yield


@router.post("/monitor/jobs/{job}/retry")
async def retry(w: Opened, me: Curator, job: str) -> Response:
    """Try a job again that has failed."""
    await monitoring.retry(w, job)
    return RedirectResponse("/monitor#troubles", 303)


@router.get("/metrics")
async def measurements(w: Opened, me: Reader, request: Request, accept: Annotated[str, Header()] = "") -> Response:
    """For Prometheus: an API token with the scope "read" lets it in."""
    requests = cast(metrics.Requests, request.app.state.requests)
    text, kind = await metrics.exposition(w, requests, accept)
    return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})
