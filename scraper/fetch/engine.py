"""The default engine: aiohttp, best on uvloop."""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from scraper.fetch.guard import ForbiddenAddress, Guard, Url
from scraper.fetch.names import Resolve
from scraper.fetch.polite import ACCEPT
from scraper.fetch.protocol import FetchLimits
from scraper.fetch.receive import DRAIN_S, DRAINED, Reception
from scraper.outcomes import Outcome, Refused

LONGEST_HEADER = 16 * 1024
KEEP_ALIVE_S = 15.0
KEPT_HOSTS = 128
"""Connections of so many hosts are kept open for the next request; of more hosts they are closed at once."""


class AiohttpTransport:
    """See :class:`scraper.fetch.polite.Transport`. Made inside the running event loop.

    ``ca_file`` holds the authorities to trust instead of the system's.
    """

    def __init__(self, limits: FetchLimits, guard: Guard, resolve: Resolve, ca_file: Path | None = None) -> None:
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE_S,
            use_dns_cache=False,  # ``resolve`` has its own
            resolver=_Resolver(resolve),
            ssl=ssl.create_default_context(cafile=ca_file) if ca_file else True,
            # the one place through which every socket comes, IP literals and redirects included
            socket_factory=lambda info: guard.open(*info[:3], info[4]),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": limits.user_agent, "Accept": ACCEPT, "Accept-Encoding": "identity"},
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )
        self._connector = connector
        self._kept: dict[str, float] = {}

    async def get(self, url: Url, headers: Mapping[str, str], reception: Reception) -> None:
        """See :class:`scraper.fetch.polite.Transport`."""
        if not self._keeps(url.host):
            headers = {**headers, "Connection": "close"}
        try:
            response = await self._session.get(
                URL(url.text, encoded=True), headers=headers or None, allow_redirects=False
            )
            try:
                await _receive(response, reception)
            finally:
                response.close()  # a connection whose answer is complete has been released already
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _refused(error) from error

    async def close(self) -> None:
        """See :class:`scraper.fetch.polite.Transport`."""
        await self._session.close()

    def _keeps(self, host: str) -> bool:
        """Whether the connection is kept open: sockets would run out if that were done for every host."""
        now = time.monotonic()
        if host not in self._kept and len(self._kept) >= KEPT_HOSTS:
            self._kept = {name: at for name, at in self._kept.items() if now - at < KEEP_ALIVE_S}
            if len(self._kept) >= KEPT_HOSTS:
                return False
        self._kept[host] = now
        return True


async def _receive(response: aiohttp.ClientResponse, reception: Reception) -> None:
    fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.raw_headers]
    content = response.content
    if not reception.head(response.status, fields):
        if not content.at_eof():
            await _drain(content)
        return
    while True:
        if reception.waiting is not None:
            await reception.waiting
        piece = await content.readany()
        if not piece or not reception.add(piece):
            break
    reception.end()


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read a small body that nobody wants, so that its connection can be used again."""
    left = DRAINED
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0 and (piece := await content.readany()):
                left -= len(piece)
    except (TimeoutError, aiohttp.ClientError):
        return  # the answer is known all the same


def _refused(error: Exception) -> Refused:
    detail = str(error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error)
    detail = detail.partition("\n")[0][:200]
    if ForbiddenAddress.MARK in detail:
        return Refused(Outcome.FORBIDDEN_ADDRESS, detail)
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            return Refused(outcome, detail)
    return Refused(Outcome.BROKEN_ANSWER, f"{type(error).__name__}: {detail}")


# the first that fits: these classes inherit from each other
_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    (aiohttp.ClientConnectorDNSError, Outcome.NO_ADDRESS),
    (aiohttp.ClientSSLError, Outcome.TLS),
    (aiohttp.ClientConnectorError, Outcome.NO_CONNECTION),
    (aiohttp.ConnectionTimeoutError, Outcome.NO_CONNECTION),
    (aiohttp.InvalidURL, Outcome.BAD_URL),
)


class _Resolver(AbstractResolver):
    """aiohttp's view of ``resolve``."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of ``host``; raises OSError."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._resolve(host)
        ]

    async def close(self) -> None:
        """Nothing of its own is open."""
