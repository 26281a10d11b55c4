"""Composition of the web process."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import metadata

from fastapi import FastAPI, Request, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from api import errors, logs
from api.access import who
from api.headers import Embeddable, SecurityHeaders
from api.metrics import Requests
from api.operations import monitoring
from api.operations.context import Clock, Winnow, open_winnow, utc_now
from api.operations.picturing import Albums
from api.pressure import BackPressure, BodyLimit
from api.routers import ROUTERS
from api.settings import Settings
from api.static import FOR_EVER, Versioned
from api.store.connection import UNREACHABLE
from api.watching import Watching
from labeling_ui.render import vega_bundle


def create_app(settings: Settings, clock: Clock = utc_now) -> FastAPI:
    """The web process: connections open at its start and close at its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Making the chart bundle takes seconds: in a thread, so that the first category page need not wait for it.
        charts = asyncio.create_task(asyncio.to_thread(vega_bundle))
        async with open_winnow(settings, clock) as winnow:
            app.state.winnow = winnow
            alive = asyncio.create_task(_live(winnow))
            yield
            alive.cancel()
            with suppress(asyncio.CancelledError):
                await alive
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
    app.state.requests = Requests()
    errors.install(app)

    async def known(scope: Scope) -> bool:
        return await who(Request(scope), app.state.winnow) is not None

    app.add_middleware(BodyLimit, known=known)
    app.add_middleware(BackPressure, most=settings.in_hand)
    https = settings.public_url.startswith("https:")
    app.add_middleware(SecurityHeaders, market_origins=settings.market_origins, https=https)
    app.add_middleware(Embeddable)
    app.add_middleware(Watching, requests=app.state.requests, every=settings.logs == "json")
    for router in ROUTERS:
        app.include_router(router)
    for path, check in (("/health", _ready), ("/health/ready", _ready), ("/health/live", _alive)):
        app.add_api_route(path, check, methods=["GET"], include_in_schema=False)
    app.add_api_route("/static/{version}/vega.js", _vega, methods=["GET"], include_in_schema=False)
    app.mount("/static", GZipMiddleware(Versioned()), name="static")
    return app


def factory() -> FastAPI:
    """For ``uvicorn --factory``: settings from the environment."""
    settings = Settings.from_env(os.environ)
    logs.configure(settings.logs)
    return create_app(settings)


async def _ready(request: Request) -> dict[str, str]:
    """Whether requests can be answered: MongoDB is there, and this process is not turning anybody away."""
    await request.app.state.winnow.store.connection.ping()
    return {"status": "ok"}


async def _alive() -> dict[str, str]:
    """Whether this process runs: one that only waits for MongoDB, or has much in hand, must not be killed for it."""
    return {"status": "ok"}


async def _live(w: Winnow) -> None:
    """Say that this web process lives, until it is cancelled."""
    name = f"{socket.gethostname()}:{os.getpid()}:web"
    try:
        while True:
            with suppress(*UNREACHABLE):
                await monitoring.beat(w, name, "web")
            await asyncio.sleep(monitoring.BEAT_S)
    finally:
        await monitoring.leave(w, name)


async def _vega() -> Response:
    headers = {"Cache-Control": FOR_EVER}
    return Response(await asyncio.to_thread(vega_bundle), media_type="text/javascript", headers=headers)
