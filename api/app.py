"""Composition of the web process."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import FastAPI, Request, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from api import errors
from api.access import who
from api.headers import Embeddable, SecurityHeaders
from api.operations.context import Clock, open_winnow, utc_now
from api.operations.picturing import Albums
from api.pressure import BackPressure, BodyLimit
from api.routers import ROUTERS
from api.settings import Settings
from api.static import FOR_EVER, Versioned
from labeling_ui.render import vega_bundle


def create_app(settings: Settings, clock: Clock = utc_now) -> FastAPI:
    """The web process: connections open at its start and close at its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Making the chart bundle takes seconds: in a thread, so that the first category page need not wait for it.
        charts = asyncio.create_task(asyncio.to_thread(vega_bundle))
        async with open_winnow(settings, clock) as winnow:
            app.state.winnow = winnow
            yield
        await charts

    app = FastAPI(
        title="Winnow",
        summary="Unlabeled images in, a dataset with a guarantee out.",
        version=metadata.version("winnow"),
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.albums = Albums()
    errors.install(app)

    async def known(scope: Scope) -> bool:
        return await who(Request(scope), app.state.winnow) is not None

    app.add_middleware(BodyLimit, known=known)
    app.add_middleware(BackPressure, most=settings.in_hand)
    https = settings.public_url.startswith("https:")
    app.add_middleware(SecurityHeaders, market_origins=settings.market_origins, https=https)
    app.add_middleware(Embeddable)
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/health", _health, methods=["GET"], include_in_schema=False)
    app.add_api_route("/static/{version}/vega.js", _vega, methods=["GET"], include_in_schema=False)
    app.mount("/static", GZipMiddleware(Versioned()), name="static")
    return app


def factory() -> FastAPI:
    """For ``uvicorn --factory``: settings from the environment."""
    return create_app(Settings.from_env(os.environ))


async def _health(request: Request) -> dict[str, str]:
    await request.app.state.winnow.store.connection.ping()
    return {"status": "ok"}


async def _vega() -> Response:
    headers = {"Cache-Control": FOR_EVER}
    return Response(await asyncio.to_thread(vega_bundle), media_type="text/javascript", headers=headers)
