"""Where our own marketplace tells that something has happened to a HIT."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from api.deps import Opened
from api.operations import hearing

router = APIRouter(include_in_schema=False)


@router.post("/market/events", status_code=204)
async def market_events(
    request: Request, w: Opened, winnow_signature: Annotated[str, Header(max_length=500)] = ""
) -> Response:
    """Look at once at the HITs that a signed notification names."""
    await hearing.hear(w, winnow_signature, await request.body())
    return Response(status_code=204)
