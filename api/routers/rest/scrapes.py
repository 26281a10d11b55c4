"""Searches for images: start, watch, stop, go on."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from active_learning.domain.value import Value
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import scrape_forms, scraping, viewing_scrapes
from api.operations.scraping import Seen
from api.routers.rest import PREFIX
from api.schemas import ERRORS

router = APIRouter(prefix=f"{PREFIX}/categories/{{slug}}/scrapes", tags=["scrapes"], responses=ERRORS)


class ScrapeIn(scrape_forms.Bounds):
    """A search: at most ``limit`` images of ``source``, again every ``every_h`` hours (0: once)."""

    source: str = Field(max_length=40)
    options: dict[str, Any] = Field(default_factory=dict, max_length=40)


class ScrapeStarted(Value):
    """The search's name among those of its category."""

    name: str


class Scrapes(Value):
    """All searches of a category."""

    items: tuple[Seen, ...]


@router.get("")
async def list_scrapes(w: Opened, me: Reader, slug: str) -> Scrapes:
    """The searches of a category with their tallies."""
    await w.store.categories.get(slug)
    return Scrapes(items=tuple(await scraping.of_category(w, slug)))


@router.post("", status_code=201)
async def start_scrape(w: Opened, me: Curator, slug: str, body: ScrapeIn) -> ScrapeStarted:
    """Start a search; the same question to the same source goes on with the search that there is."""
    wanted = scrape_forms.wanted_by_program(slug, body.source, body.options, body)
    return ScrapeStarted(name=(await scraping.start(w, wanted)).partition(":")[2])


@router.post("/{name}/stop", status_code=204)
async def stop_scrape(w: Opened, me: Curator, slug: str, name: str) -> None:
    """Stop a search; what was found stays."""
    await scraping.stop(w, await viewing_scrapes.scrape_of(w, slug, name))


@router.post("/{name}/go-on", status_code=204)
async def go_on_with_scrape(w: Opened, me: Curator, slug: str, name: str) -> None:
    """Go on with a search that was stopped or has failed; one that has ended looks for new images."""
    await scraping.go_on(w, await viewing_scrapes.scrape_of(w, slug, name))
