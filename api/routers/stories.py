"""Images to look at, and the whole story of one image."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from active_learning.domain.access import Scope
from api import replies
from api.access import Admin, Reader
from api.deps import Opened
from api.operations import mistakes, stories
from labeling_ui.contexts import MistakeKind

router = APIRouter(prefix="/categories/{slug}", include_in_schema=False)


@router.get("/mistakes", response_class=HTMLResponse)
async def mistakes_page(
    w: Opened, me: Reader, slug: str, kind: MistakeKind = "false-yes", after: str = ""
) -> HTMLResponse:
    """One list of images to look at, a page at a time."""
    return replies.page(await mistakes.page(w, slug, kind, after), me)


@router.get("/images/{image}", response_class=HTMLResponse)
async def story_page(w: Opened, me: Reader, slug: str, image: str, kind: MistakeKind | None = None) -> HTMLResponse:
    """The whole story of one image; ``kind`` is the list that it was opened from."""
    return replies.page(await stories.page(w, slug, image, kind, me.may(Scope.WORKERS)), me)


@router.post("/images/{image}/takedown")
async def take_down_image(
    w: Opened, me: Admin, slug: str, image: str, why: Annotated[str, Form(max_length=500)] = ""
) -> RedirectResponse:
    """Refuse the image for ever; a worker removes it within a minute."""
    await stories.ask_for_takedown(w, slug, image, me.name, why)
    return RedirectResponse(f"/categories/{slug}/images/{image}", 303)
