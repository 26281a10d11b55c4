"""What the sources that are web APIs share: paced, patient requests that give JSON."""

import asyncio
import email.utils
import functools
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from active_learning.domain.errors import QuotaExhausted, Unavailable

PROJECT = "Winnow/0.1"
LONGEST_BACK_OFF = 60.0
LONGEST_ANSWER = 90.0
UNSAID = 3_600.0
"""Seconds to wait when a source wants no more requests and does not say for how long."""
MARGIN = 1.05
"""The pace stays a little below what is allowed, for requests that travel faster than the ones before them."""

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API has answered. ``body`` is its JSON; ``None`` for an error that is not JSON."""

    status: int
    headers: httpx.Headers
    body: Any

    @property
    def detail(self) -> str:
        """What an error's body says, in one line."""
        said = self.body.get("detail", self.body) if isinstance(self.body, dict) else self.body
        return " ".join(str(said or f"status {self.status}").split())[:300]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """An answer, or its absence, after which another attempt may help. ``wait`` is what the source has asked for."""

    reason: str
    wait: float | None = None
    throttled: bool = False


def agent(contact: str) -> str:
    """Return the user agent: the project, whom to write to about this very run, and the library."""
    whom = f" ({contact})" if contact else ""
    return f"{PROJECT}{whom} httpx/{httpx.__version__}"


class Pace:
    """At most ``per_minute`` requests a minute, evenly spread, for everybody in this process who holds this pace.

    Other processes that use the same key are not counted: then the source's own 429 slows all of them down.
    """

    def __init__(self, per_minute: float, sleep: Sleep, clock: Clock) -> None:
        self._sleep = sleep
        self._clock = clock
        self._next = clock()
        self.limit(per_minute)

    def limit(self, per_minute: float) -> None:
        """From now on, at most ``per_minute`` requests a minute."""
        self._between = 60.0 * MARGIN / per_minute

    def hold(self, seconds: float) -> None:
        """Nobody asks for so many seconds."""
        self._next = max(self._next, self._clock() + seconds)

    async def turn(self) -> None:
        """Wait until the next request may go."""
        now = self._clock()
        mine = max(now, self._next)
        self._next = mine + self._between
        if mine > now:
            await self._sleep(mine - now)


class Api:
    """Requests to one API, one pace for all of them, repeated while repeating may help.

    Connection errors, 429, 5xx and answers that are no JSON are repeated up to ``attempts`` times in all, with a
    back-off that doubles and has jitter, and never before the end of a Retry-After. ``watch`` sees the status and
    headers of every answer.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        contact: str,
        per_minute: float,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
        attempts: int = 5,
        patience: float = 120.0,
        watch: Callable[[int, httpx.Headers], None] = lambda status, headers: None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.pace = Pace(per_minute, sleep, clock)
        self._base_url = base_url
        self._agent = agent(contact)
        self._transport = transport
        self._jitter = jitter
        self._attempts = attempts
        self._patience = patience
        self._watch = watch

    def connected(self) -> "Connection":
        """Return a context in which connections stay open for a number of requests."""
        client = httpx.AsyncClient(
            base_url=self._base_url,
            headers={"User-Agent": self._agent, "Accept": "application/json"},
            timeout=httpx.Timeout(30.0),
            transport=self._transport,
            verify=_tls(),
        )
        return Connection(self, client)

    async def ask(self, client: httpx.AsyncClient, request: httpx.Request, passing: Callable[[Any], str]) -> Answer:
        """Send a request until it is answered; raises ``Unavailable`` or ``QuotaExhausted`` when it is not."""
        attempt = 0
        while True:
            attempt += 1
            await self.pace.turn()
            said = await self._once(client, request, passing)
            if isinstance(said, Answer):
                return said
            if said.wait is not None and said.wait > self._patience:
                raise QuotaExhausted(
                    f"{self.name} wants no more requests for {said.wait:,.0f} s.",
                    "The search goes on from here after that.",
                    seconds=said.wait,
                )
            if attempt >= self._attempts:
                raise self._given_up(said)
            # only now: what is raised above must not slow down the next start, which comes when it is time
            self.pace.hold((said.wait or 0.0) + self._back_off(attempt, said))

    async def _once(
        self, client: httpx.AsyncClient, request: httpx.Request, passing: Callable[[Any], str]
    ) -> Answer | _Trouble:
        try:
            # httpx bounds the time between two pieces of an answer, not that of the whole
            async with asyncio.timeout(LONGEST_ANSWER):
                response = await client.send(request)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            return _Trouble(f"{type(error).__name__}: {error}".rstrip(": "))
        self._watch(response.status_code, response.headers)
        wait = retry_after(response.headers)
        if response.status_code == 429 or response.status_code >= 500:
            return _Trouble(f"status {response.status_code}", wait, throttled=response.status_code == 429)
        try:
            body = response.json()
        except ValueError:
            if response.is_success:
                return _Trouble("an answer that is not JSON", wait)
            body = None
        reason = passing(body)
        return _Trouble(reason, wait) if reason else Answer(response.status_code, response.headers, body)

    def _back_off(self, attempt: int, said: _Trouble) -> float:
        """Return how many seconds to wait on top of what the source has asked for: 1, 2, 4, ... and up to half more.

        After a 429 that does not say how long it lasts, eight times that.
        """
        first = 8.0 if said.throttled and said.wait is None else 1.0
        longest = LONGEST_BACK_OFF if said.wait is None else first
        return min(longest, first * 2.0 ** (attempt - 1)) * (1.0 + self._jitter() / 2)

    def _given_up(self, said: _Trouble) -> Unavailable:
        if said.throttled:
            seconds = UNSAID if said.wait is None else said.wait
            return QuotaExhausted(
                f"{self.name} takes no more requests (status 429, {self._attempts} times).",
                "Somebody else may be using the same key or address. The search goes on from here later.",
                seconds=seconds,
            )
        return Unavailable(
            f"{self.name} does not answer ({said.reason}, {self._attempts} times).",
            "The search goes on from here when it is started again.",
        )


class Connection:
    """An open connection to an API."""

    def __init__(self, api: Api, client: httpx.AsyncClient) -> None:
        self._api = api
        self._client = client

    async def __aenter__(self) -> "Connection":
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._client.aclose()

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int],
        headers: Mapping[str, str] | None = None,
        passing: Callable[[Any], str] = lambda body: "",
    ) -> Answer:
        """GET a page. ``passing`` says, from its JSON, why another attempt may help (empty: this is the answer).

        Raises ``Unavailable`` after the last attempt, ``QuotaExhausted`` when the source wants a longer pause.
        """
        return await self._api.ask(
            self._client, self._client.build_request("GET", path, params=params, headers=headers), passing
        )

    async def post(
        self, path: str, form: Mapping[str, str | int], passing: Callable[[Any], str] = lambda body: ""
    ) -> Answer:
        """POST a form, for what must not be in an address: addresses are logged. Otherwise as ``get``."""
        return await self._api.ask(self._client, self._client.build_request("POST", path, data=form), passing)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After asks for: a number, or a date, measured from the answer's own Date."""
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        until = email.utils.parsedate_to_datetime(value)
        return max(0.0, (until - email.utils.parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError):
        return None


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the certificates that are trusted; reading them takes tens of milliseconds, so once."""
    return httpx.create_ssl_context()
