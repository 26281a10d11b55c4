"""Categories: made from JSON or YAML, described, given policies, paused, put away, copied; and what they will take."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import Field

from active_learning.domain.category import Category, Example, Slug
from active_learning.domain.intake import IntakePolicy
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value
from active_learning.forecasting import Beliefs
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import categories, category_files, forecasts, policies
from api.operations.forecasts import Outlook
from api.operations.policies import Version
from api.routers.rest import PREFIX
from api.schemas import ERRORS


class YamlToo(APIRoute):
    """A route whose body may be YAML as well: it is read as the same values in JSON."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The usual handler, behind a translation."""
        usual = super().get_route_handler()

        async def handler(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            return await usual(await _translated(request) if kind in category_files.MEDIA else request)

        return handler


async def _translated(request: Request) -> Request:
    body = json.dumps(category_files.parsed(await request.body()), default=str).encode()
    own = (b"content-type", b"content-length")
    headers = [(name, value) for name, value in request.scope["headers"] if name not in own]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)


router = APIRouter(prefix=PREFIX, tags=["categories"], responses=ERRORS, route_class=YamlToo)
YAML_BODY: dict[str, Any] = {"requestBody": {"content": {"application/yaml": {"schema": {"type": "string"}}}}}
YAML_REPLY: dict[int | str, dict[str, Any]] = {200: {"content": {"application/yaml": {"schema": {"type": "string"}}}}}


class CategoryIn(Value):
    """A new category; what is left out is as usual."""

    slug: Slug
    question: str = Field(min_length=3, max_length=200)
    instructions: str = Field(default="", max_length=4_000)
    examples: tuple[Example, ...] = Field(default=(), max_length=100)
    lessons: tuple[Example, ...] = Field(default=(), max_length=100)
    market: str = Field(default="", max_length=40)
    seed: int = Field(default=0, ge=-(2**62), le=2**62)
    policy: Policy = Policy()
    intake: IntakePolicy = IntakePolicy()


class Categories(Value):
    """A page of categories; ``next`` is the slug to go on behind."""

    items: tuple[categories.Seen, ...]
    next: str | None = None


class CloneIn(Value):
    """What the copy is called, and another question for it."""

    slug: Slug
    question: str | None = Field(default=None, min_length=3, max_length=200)


class PolicyIn(Value):
    """The whole policy in the place of ``policy.version``, and why."""

    policy: Policy
    why: str = Field(default="", max_length=200)


class Versions(Value):
    """Versions of a policy, the newest first; ``next`` is the number to go on below."""

    items: tuple[Version, ...]
    next: int | None = None


class ForecastIn(Value):
    """A policy with assumptions; with ``category`` from where that stands, by default as it is now."""

    category: str | None = Field(default=None, max_length=64)
    policy: Policy | None = None
    beliefs: Beliefs | None = None


Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str | None, Query(max_length=64)]


@router.get("/categories")
async def list_categories(w: Opened, me: Reader, after: After = None, limit: Limit = 100) -> Categories:
    """The categories by slug, archived ones among them."""
    items, following = await categories.page(w, after, limit)
    return Categories(items=items, next=following)


@router.post("/categories", status_code=201, openapi_extra=YAML_BODY)
async def create_category(w: Opened, me: Curator, body: CategoryIn) -> categories.Seen:
    """Make a category, from JSON or from YAML as ``GET categories/{slug}/yaml`` gives it."""
    return await categories.create(w, Category.model_validate(body.model_dump()), me.name)


@router.get("/categories/{slug}")
async def get_category(w: Opened, me: Reader, slug: str) -> categories.Seen:
    """One category."""
    return await categories.get(w, slug)


@router.get("/categories/{slug}/yaml", response_class=PlainTextResponse, responses=YAML_REPLY)
async def get_category_yaml(w: Opened, me: Reader, slug: str) -> PlainTextResponse:
    """The category as a YAML file that makes it again."""
    text = category_files.written(await w.store.categories.definition(slug))
    return PlainTextResponse(text, media_type="application/yaml")


@router.patch("/categories/{slug}")
async def describe_category(w: Opened, me: Curator, slug: str, body: categories.Words) -> categories.Seen:
    """Change what annotators read: question, instructions, examples, lessons. What is left out stays."""
    return await categories.describe(w, slug, body)


@router.put("/categories/{slug}/policy")
async def put_policy(w: Opened, me: Curator, slug: str, body: PolicyIn) -> Policy:
    """Put a policy in force in the place of the version that it names; 409 where another one is in force."""
    return await policies.change(w, slug, body.policy, me.name, body.why)


@router.get("/categories/{slug}/policies")
async def list_policies(
    w: Opened, me: Reader, slug: str, before: Annotated[int | None, Query(ge=1, le=2**31)] = None, limit: Limit = 20
) -> Versions:
    """The versions of the policy, the newest first: who changed what, when and why."""
    items = await policies.history(w, slug, before, limit)
    more = len(items) == limit and items[-1].version > 1
    return Versions(items=items, next=items[-1].version if more else None)


@router.post("/categories/{slug}/clone", status_code=201)
async def clone_category(w: Opened, me: Curator, slug: str, body: CloneIn) -> categories.Seen:
    """Make another category like this one, with an empty pool."""
    return await categories.clone(w, slug, body.slug, me.name, body.question)


@router.post("/categories/{slug}/pause")
async def pause_category(w: Opened, me: Curator, slug: str) -> categories.Seen:
    """Plan no new work; what is with people is still collected and paid."""
    await categories.pause(w, slug, me.name)
    return await categories.get(w, slug)


@router.post("/categories/{slug}/resume")
async def resume_category(w: Opened, me: Curator, slug: str) -> categories.Seen:
    """Go on after a pause or an end, and give failed jobs another try."""
    await categories.resume(w, slug)
    return await categories.get(w, slug)


@router.post("/categories/{slug}/archive")
async def archive_category(w: Opened, me: Curator, slug: str) -> categories.Seen:
    """Put it away: out of the list, nothing new happens, nothing is deleted."""
    await categories.archive(w, slug, me.name)
    return await categories.get(w, slug)


@router.post("/categories/{slug}/unarchive")
async def unarchive_category(w: Opened, me: Curator, slug: str) -> categories.Seen:
    """Fetch it back as it was; one that was running is paused."""
    await categories.unarchive(w, slug, me.name)
    return await categories.get(w, slug)


@router.post("/forecast")
async def forecast(w: Opened, me: Curator, body: ForecastIn) -> Outlook:
    """Say what a policy will take: answers, cents and days, each as (low, middle, high)."""
    policy, beliefs = body.policy or Policy(), body.beliefs or Beliefs()
    if body.category is not None:
        policy = body.policy or (await w.store.categories.definition(body.category)).policy
        beliefs = body.beliefs or await forecasts.believed(w, body.category)
    return await forecasts.outlook(w, policy, beliefs, body.category)
