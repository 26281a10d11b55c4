"""Addresses of other schemes than http and https, and how their bytes are got."""

import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from api.settings import Settings
from scraper.fetch.protocol import FetchLimits

Read = Callable[[str], Awaitable[bytes]]
"""How the bytes behind an address are got; raises ``Refused``."""


def schemes(settings: Settings, limits: FetchLimits) -> Mapping[str, Read]:
    """The schemes beside http and https. What they need is loaded at their first use: most nodes never meet one."""
    opened: list[Any] = []

    async def from_s3(url: str) -> bytes:
        if not opened:
            opened.append(importlib.import_module("scraper.sources.s3").S3(endpoint=settings.s3_endpoint))
        data: bytes = await opened[0].read(url, limits)
        return data

    return {"s3": from_s3}
