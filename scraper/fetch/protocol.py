"""What every fetching engine does: one request in, one reply or one counted refusal out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """A GET of ``url``. ``etag`` and ``modified`` are the validators of an earlier visit (empty: there was none)."""

    url: str
    etag: str = ""
    modified: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer with status 200, or 304 (then without a body).

    ``url`` is where redirects have led; header names are in small letters.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def unchanged(self) -> bool:
        """Whether the server says that the earlier visit's bytes still hold."""
        return self.status == 304


def agent(contact: str = "") -> str:
    """How Winnow introduces itself to servers: the project, and the address or page of whoever runs it."""
    return f"Winnow/0.1 (collects images for datasets; +{contact or 'no contact given'})"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The bounds of one fetcher. Times in seconds, sizes in bytes.

    ``total`` is the whole time of one URL from the connection to the last byte, redirects included. ``in_memory``
    bounds the bodies that are being received at a time, all together. ``patience`` is how long a request waits for its
    host's turn before it is given back. ``allow_private`` lets requests reach loopback and private addresses: for one's
    own network; ``networks`` (``10.1.0.0/16``) are reached whatever they are.
    """

    connections: int = 64
    per_host: int = 4
    total: float = 30.0
    connect: float = 10.0
    max_bytes: int = 32 * 1024 * 1024
    in_memory: int = 48 * 1024 * 1024
    redirects: int = 5
    patience: float = 5.0
    user_agent: str = agent()
    robots: bool = True
    opt_outs: bool = True
    allow_private: bool = False
    networks: tuple[str, ...] = ()


class Pace(Protocol):
    """When a host may be asked next. One for a process (in memory) or for all of them (in MongoDB).

    ``host`` is ``name:port`` in small letters.
    """

    async def turn(self, host: str, longest: float) -> float:
        """Wait for this caller's turn at ``host``, and return 0; or, if that is more than ``longest`` seconds away,
        return at once how many seconds away it is, without taking a turn."""

    async def hold(self, host: str, seconds: float) -> None:
        """Nobody asks ``host`` for so many seconds: it said Retry-After, or it does not answer."""

    async def slow_down(self, host: str, interval: float) -> None:
        """``host`` asks for at least ``interval`` seconds between two requests: a Crawl-delay."""

    async def robots(self, host: str) -> str | None:
        """The stored robots.txt of ``host`` (with its scheme's port), or ``None`` when nobody has fetched it lately."""

    async def keep_robots(self, host: str, text: str) -> None:
        """Store it for everybody, for a day."""


class Fetcher(Protocol):
    """An engine. Any number of ``fetch`` run at the same time; the limits bound what is really in flight."""

    async def fetch(self, request: Request) -> Reply:
        """Return the reply, or raise :class:`scraper.outcomes.Refused`; raises nothing else but ``CancelledError``.

        ``Refused`` with RATE_LIMITED and ``retry_after`` is also what it raises, without a request, when the host's
        turn is too far away to wait for.
        """

    async def close(self) -> None:
        """Close all connections."""
