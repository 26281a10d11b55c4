"""The pace that all processes share keeps what every pace keeps."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.operations.context import Winnow
from scraper.shared_pace import SharedPace
from tests import factories
from tests.scraper.pace_contract import Open, PaceContract


@pytest_asyncio.fixture
async def w(mongod_uri: str) -> AsyncIterator[Winnow]:
    """An empty database."""
    async with factories.winnow(mongod_uri, "scraping") as opened:
        yield opened


class TestSharedPace(PaceContract):
    """Turns in MongoDB."""

    @pytest.fixture
    def opened(self, w: Winnow) -> Open:
        async def open_one(interval: float) -> SharedPace:
            return SharedPace(w, interval)

        return open_one
