"""Composition of the marketplace: settings and a clock in, an ASGI app out.

Run it with ``uvicorn --factory workers.turk.app:factory``; the factory is the only place that reads the environment.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from pymongo.errors import PyMongoError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from workers.turk import delivering, lifecycle, requester_api
from workers.turk.chaos import read_chaos
from workers.turk.clock import Clock, system_clock
from workers.turk.database import Database
from workers.turk.errors import TurkError, Unqualified, WorkerRefused
from workers.turk.marketplace import Marketplace
from workers.turk.settings import TurkSettings
from workers.turk.site import pages, qualifications, routes
from workers.turk.site.admission import Admission
from workers.turk.site.requester import routes as requester_routes

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "site" / "static"


def create_app(settings: TurkSettings, clock: Clock = system_clock) -> Starlette:
    """The marketplace as an ASGI app. Its database is opened when the server starts it.

    Raises SettingsError at start-up when MongoDB does not answer or has no transactions.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        database = Database(settings.mongodb_uri, settings.database)
        await database.prepare()
        if settings.chaos:
            logger.warning("CHAOS IS ON, things go wrong on purpose: %s", settings.chaos)
        marketplace = Marketplace(settings=settings, clock=clock, database=database, chaos=read_chaos(settings.chaos))
        app.state.marketplace = marketplace
        behind = [asyncio.create_task(work(marketplace)) for work in (sweep, delivering.deliver_forever)]
        try:
            yield
        finally:
            for task in behind:
                task.cancel()
            await asyncio.gather(*behind, return_exceptions=True)
            await database.close()

    return Starlette(
        routes=[
            Route("/", requester_api.answer, methods=["POST"]),
            *routes.ROUTES,
            *qualifications.ROUTES,
            *requester_routes.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        exception_handlers={
            WorkerRefused: pages.refused,
            Unqualified: qualifications.refused,
            404: pages.not_found,
            PyMongoError: pages.unavailable,
        },
        middleware=[Middleware(Admission)],
        lifespan=lifespan,
    )


async def sweep(marketplace: Marketplace) -> None:
    """Looks after deadlines that no request touches, every ``sweep_seconds``, until cancelled."""
    while True:
        try:
            await lifecycle.catch_up(marketplace.database, marketplace.clock())
        except (PyMongoError, TurkError):
            logger.exception("the sweep failed; the next one tries again")
        await asyncio.sleep(marketplace.settings.sweep_seconds)


def factory() -> Starlette:
    """The app with settings from the environment (``WINNOW_TURK_*``), for uvicorn's ``--factory``."""
    return create_app(TurkSettings.from_env(os.environ))
