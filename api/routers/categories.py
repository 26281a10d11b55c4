"""The researcher's pages: category, expert, images."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from active_learning.domain.label import Source
from api import replies
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import curating, overview, viewing
from api.schemas import GoldIn
from labeling_ui.contexts import CategoryPage

router = APIRouter(include_in_schema=False)


@router.get("/categories/{slug}", response_class=HTMLResponse)
async def category(w: Opened, me: Reader, slug: str, model: int | None = None) -> HTMLResponse:
    """The category page; with ``model`` it shows the scores of that round's model."""
    return replies.page(CategoryPage(summary=await overview.summary(w, slug, model)), me)


@router.get("/categories/{slug}/events")
async def events(w: Opened, me: Reader, slug: str) -> StreamingResponse:
    """A server-sent event whenever the category changes, from a change stream."""
    await w.store.categories.get(slug)
    return replies.news(w.store.categories.changes(slug), w.clock)


@router.get("/categories/{slug}/expert", response_class=HTMLResponse)
async def expert(w: Opened, me: Curator, slug: str) -> HTMLResponse:
    """The page where the researcher answers some images himself."""
    return replies.page(await viewing.expert_page(w, slug), me)


@router.post("/categories/{slug}/gold")
async def gold(w: Opened, me: Curator, slug: str, body: GoldIn) -> curating.GoldGiven:
    """Turn the researcher's answers into gold."""
    answers = {answer.image: answer.value for answer in body.answers}
    return await curating.give_gold(w, slug, answers, Source.GOLD, {"by": me.name, "page": "expert"})


@router.get("/categories/{slug}/examples/{index}")
async def example(w: Opened, slug: str, index: int) -> Response:
    """An example that annotators see before the work."""
    data = await viewing.example(w, slug, index)
    return Response(data, media_type="image/webp", headers={"Cache-Control": "public, max-age=600"})


@router.get("/images/{image}")
async def picture(w: Opened, me: Reader, image: str, size: int | None = None) -> Response:
    """An image for the researcher's pages, as it came or in one of the sizes.

    The task page never uses this address: ids would tell gold.
    """
    data, kind = await viewing.picture(w, image, size)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, media_type=f"image/{kind.lower()}", headers=headers)
