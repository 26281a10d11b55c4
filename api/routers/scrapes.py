"""The page Images in: start, watch and stop the search for images of a category."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from active_learning.domain.errors import InputError, StateError
from api import replies
from api.access import Curator, Reader
from api.deps import Opened, typed_in
from api.operations import intake_policy, scrape_forms, scraping, viewing_scrapes
from api.operations.context import Winnow
from api.operations.forms import Refused
from api.operations.viewing_scrapes import Look
from labeling_ui.outcomes import AGAIN

router = APIRouter(prefix="/categories/{slug}/images-in", include_in_schema=False)

EVERY_S = 1.0
"""News at most so often, however much happens."""


def _back(slug: str, anchor: str) -> RedirectResponse:
    return RedirectResponse(f"/categories/{slug}/images-in#{anchor}", 303)


@router.get("", response_class=HTMLResponse)
async def images_in(w: Opened, me: Reader, slug: str, search: str = "", outcome: str = "") -> HTMLResponse:
    """The page; with ``search`` and ``outcome`` it shows some images that ended so."""
    return replies.page(await viewing_scrapes.page(w, slug, Look(search, outcome)), me)


@router.post("")
async def start(w: Opened, me: Curator, slug: str, request: Request) -> Response:
    """Start the search that the form asks for; the page again where something does not fit."""
    typed = await typed_in(request)
    try:
        name = await scraping.start(w, scrape_forms.wanted(slug, typed))
    except InputError as error:
        refused = Refused.by(error, typed)
        return replies.page(await viewing_scrapes.page(w, slug, start=refused), me, 422)
    return _back(slug, name.partition(":")[2])


@router.post("/intake")
async def intake(w: Opened, me: Curator, slug: str, request: Request) -> Response:
    """Change what the category lets in."""
    typed = await typed_in(request)
    try:
        await intake_policy.change(w, slug, scrape_forms.policy(typed))
    except InputError as error:
        refused = Refused.by(error, typed)
        return replies.page(await viewing_scrapes.page(w, slug, intake=refused), me, 422)
    return _back(slug, "intake")


@router.get("/intake")
async def intake_again(me: Reader, slug: str) -> Response:
    """Where the browser stands after a policy that did not fit: loading it again leads to the page."""
    return _back(slug, "intake")


@router.post("/{name}/stop")
async def stop(w: Opened, me: Curator, slug: str, name: str) -> Response:
    """Stop a search; one that somebody else has stopped stays so."""
    with suppress(StateError):
        await scraping.stop(w, await viewing_scrapes.scrape_of(w, slug, name))
    return _back(slug, name)


@router.post("/{name}/go-on")
async def go_on(w: Opened, me: Curator, slug: str, name: str) -> Response:
    """Go on with a search that was stopped or has failed; one that has ended looks for new images."""
    await scraping.go_on(w, await viewing_scrapes.scrape_of(w, slug, name))
    return _back(slug, name)


@router.post("/{name}/again")
async def again(w: Opened, me: Curator, slug: str, name: str) -> Response:
    """Try the images once more that ended in a way that time may mend."""
    scrape = await viewing_scrapes.scrape_of(w, slug, name)
    await scraping.visit_again(w, scrape, AGAIN)
    await scraping.go_on(w, scrape)
    return _back(slug, name)


@router.get("/{name}/outcomes.csv")
async def outcomes(w: Opened, me: Reader, slug: str, name: str) -> StreamingResponse:
    """What became of every found image, as a table."""
    scrape = await viewing_scrapes.scrape_of(w, slug, name)
    return replies.table(scraping.outcomes(w, scrape), scraping.OUTCOME_COLUMNS, f"{slug}-{name}-outcomes.csv")


@router.get("/events")
async def events(w: Opened, me: Reader, slug: str) -> StreamingResponse:
    """A server-sent event when a search of the category gets further, at most one a second."""
    await w.store.categories.get(slug)
    return replies.news(_changes(w, slug), w.clock)


async def _changes(w: Winnow, slug: str) -> AsyncGenerator[None, None]:
    """Thousands of changes a second become one. Rates fade, which no change says: so there is news then, too."""
    changed = asyncio.Event()

    async def listen() -> None:
        async for _ in w.store.scrapes.changes(slug):
            changed.set()

    listening = asyncio.create_task(listen())
    try:
        while not listening.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), scraping.RECENT.total_seconds())
            changed.clear()
            yield
            await asyncio.sleep(EVERY_S)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
