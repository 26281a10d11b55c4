"""Operations and HTTP against the real database."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from active_learning.domain.label import Source
from active_learning.domain.task import Task
from api.app import create_app
from api.operations import curating, intake, rounds
from api.operations.context import Winnow
from tests import factories


@pytest_asyncio.fixture
async def w(mongod_uri: str) -> AsyncIterator[Winnow]:
    """Winnow on an empty database of the real server."""
    async with factories.winnow(mongod_uri, "winnow_test") as opened:
        yield opened


@pytest.fixture
def app(w: Winnow) -> FastAPI:
    """The real application, on the test's connections."""
    made = create_app(w.settings, w.clock)
    made.state.winnow = w
    return made


@pytest_asyncio.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it that nobody is signed in with."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://winnow") as client:
        yield client


@pytest_asyncio.fixture
async def http(anonymous: httpx.AsyncClient, w: Winnow) -> httpx.AsyncClient:
    """The same client, with an admin signed in."""
    anonymous.cookies.update(await factories.cookie(w))
    return anonymous


@pytest_asyncio.fixture
async def task(w: Winnow) -> Task:
    """The first task of a round over 40 images, 12 of them gold: the database then holds a whole small category."""
    images, truth = factories.new_images(range(40), yes_every=3)
    await intake.create_category(w, factories.category(slots=30, hidden_gold=8, batch=10, validation=10))
    await intake.add_images(w, "bright", images)
    gold = {i: v for v in (True, False) for i in [k for k, x in truth.items() if x is v][:10]}
    await curating.give_gold(w, "bright", gold, Source.IMPORTED, {"by": "test"})
    await rounds.draw_validation(w, "bright")
    start = rounds.rounds.StartRound(number=1, strategy="random", take=6, validation=8)
    await rounds.start_round(w, "bright", start)
    return (await w.store.tasks.of_round("bright", 1))[0]
