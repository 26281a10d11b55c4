"""What a category's page says, for programs: the overview, images to look at, and the story of one image."""

from typing import Annotated

from fastapi import APIRouter, Query

from active_learning.domain.access import Scope
from api.access import Reader
from api.deps import Opened
from api.operations import mistakes, overview, stories
from api.routers.rest import PREFIX
from api.schemas import ERRORS
from labeling_ui.contexts import CategorySummary, MistakeKind, MistakesFound, Story

router = APIRouter(prefix=f"{PREFIX}/categories/{{slug}}", tags=["overview"], responses=ERRORS)


@router.get("/overview")
async def get_overview(
    w: Opened, me: Reader, slug: str, model: Annotated[int | None, Query(ge=1, le=100_000)] = None
) -> CategorySummary:
    """Everything that the category's page says; with ``model`` the scores of that round's model."""
    return await overview.summary(w, slug, model)


@router.get("/mistakes")
async def list_mistakes(
    w: Opened,
    me: Reader,
    slug: str,
    kind: MistakeKind = "false-yes",
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = mistakes.PAGE,
) -> MistakesFound:
    """Images that somebody should look at: what people and model disagree about, and what neither is sure of.

    Validation images that contradict the model are listed when the campaign is over.
    """
    return await mistakes.some(w, slug, await mistakes.ground(w, slug), kind, after, limit)


@router.get("/images/{image}")
async def get_story(w: Opened, me: Reader, slug: str, image: str) -> Story:
    """Who answered what when, which model said what, what was decided and why, and where the image comes from.

    Workers' ids are there for those who may see them.
    """
    return await stories.story(w, slug, image, me.may(Scope.WORKERS))
