"""Open connections for store tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from api.operations.context import Winnow
from tests import factories


@pytest_asyncio.fixture
async def w(mongod_uri: str) -> AsyncIterator[Winnow]:
    """Winnow on an empty database of the real server."""
    async with factories.winnow(mongod_uri, "winnow_test") as opened:
        yield opened
