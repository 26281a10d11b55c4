"""The fetcher: what is asked, when, how often, and what the answers mean. Engines only carry one request each."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from scraper.fetch.answers import REDIRECTS, UNSAID_HOLD_S, Fields, refusal
from scraper.fetch.consent import SPEAKING, opt_out
from scraper.fetch.guard import Url, follow, parse
from scraper.fetch.protocol import FetchLimits, Pace, Reply, Request
from scraper.fetch.receive import Memory, Reception
from scraper.fetch.robots import MAX_BYTES as ROBOTS_BYTES
from scraper.fetch.robots import REDIRECTS as ROBOTS_REDIRECTS
from scraper.fetch.robots import Robots
from scraper.fetch.slots import HostSlots, Slots
from scraper.outcomes import Outcome, Refused

ACCEPT = "image/jpeg,image/png,image/webp,image/*;q=0.8,*/*;q=0.5"

# What is said to one host is not repeated to another that it redirects to.
_SECRETS = frozenset({"authorization", "cookie"})


class Transport(Protocol):
    """An engine: carries one GET. It keeps connections open, and opens them only to addresses that the guard permits.

    Identity is the only encoding it asks for; it follows no redirect and keeps no cookie. A request on a kept
    connection that the server has closed meanwhile is repeated once on a fresh one.
    """

    async def get(self, url: Url, headers: Mapping[str, str], reception: Reception) -> None:
        """Feed the answer to ``reception``. Raises ``Refused``, also what ``reception`` raises."""

    async def close(self) -> None:
        """Close all connections."""


class PoliteFetcher:
    """The :class:`scraper.fetch.protocol.Fetcher` of every engine."""

    def __init__(self, limits: FetchLimits, pace: Pace, transport: Transport) -> None:
        self._limits = limits
        self._pace = pace
        self._transport = transport
        self._token = limits.user_agent.partition("/")[0].strip().lower()
        self._robots = Robots(pace, self._ask_robots, self._token)
        self._memory = Memory(limits.in_memory, limits.max_bytes)
        self._connections = Slots(limits.connections)
        self._slots = HostSlots(limits.per_host)

    async def fetch(self, request: Request) -> Reply:
        """See :class:`scraper.fetch.protocol.Fetcher`."""
        headers = dict(request.headers)
        if request.etag:
            headers["If-None-Match"] = request.etag
        if request.modified:
            headers["If-Modified-Since"] = request.modified
        url, answer = await self._visit(parse(request.url), headers, self._image, self._limits.redirects)
        if answer.status == 304 and not (request.etag or request.modified):
            raise refusal(answer.status, answer.headers)
        return Reply(url.text, answer.status, answer.headers, answer.body)

    async def close(self) -> None:
        """See :class:`scraper.fetch.protocol.Fetcher`."""
        await self._robots.close()
        await self._transport.close()

    def _image(self) -> Reception:
        return Reception(self._memory, self._limits.max_bytes, self._wants_image)

    def _wants_image(self, status: int, headers: Mapping[str, str], fields: Fields) -> bool:
        if status not in {200, 304}:
            return False
        if self._limits.opt_outs and not SPEAKING.isdisjoint(headers):
            found = opt_out(fields, self._token)
            if found:
                raise Refused(Outcome.OPTED_OUT, found)
        return status == 200

    async def _ask_robots(self, url: Url) -> str:
        def answer() -> Reception:
            return Reception(self._memory, ROBOTS_BYTES, lambda status, *_: status == 200, cut=True)

        _, reception = await self._visit(url, {}, answer, ROBOTS_REDIRECTS, robots=False)
        return reception.body.decode("utf-8", "replace")

    async def _visit(
        self,
        url: Url,
        headers: Mapping[str, str],
        answer: Callable[[], Reception],
        redirects: int,
        robots: bool = True,
    ) -> tuple[Url, Reception]:
        """Ask for ``url`` and follow where it leads, to a 200 or 304; raises ``Refused`` for every other end."""
        seen = {url.text}
        robots = robots and self._limits.robots
        try:
            # the time runs from the first connection on
            async with asyncio.timeout(None) as deadline:
                while True:
                    if robots:
                        await self._robots.check(url)
                    reception = answer()
                    try:
                        await self._send(url, headers, reception, deadline)
                    finally:
                        reception.close()
                    if reception.status not in REDIRECTS or "location" not in reception.headers:
                        break
                    target = follow(url, reception.headers["location"])
                    if target.text in seen or len(seen) > redirects:
                        raise Refused(Outcome.TOO_MANY_REDIRECTS, f"after {len(seen)}")
                    if target.origin != url.origin:
                        headers = {name: value for name, value in headers.items() if name.lower() not in _SECRETS}
                    seen.add(target.text)
                    url = target
        except TimeoutError:
            raise Refused(Outcome.TIMEOUT, f"not complete in {self._limits.total:g} s") from None
        if reception.status not in {200, 304}:
            raise await self._refusal(url, reception)
        return url, reception

    async def _refusal(self, url: Url, answer: Reception) -> Refused:
        refused = refusal(answer.status, answer.headers)
        hold = UNSAID_HOLD_S if refused.outcome is Outcome.RATE_LIMITED else 0.0
        if refused.retry_after is not None:
            hold = refused.retry_after
        if hold:
            await self._pace.hold(url.host, hold)
        return refused

    async def _send(
        self, url: Url, headers: Mapping[str, str], reception: Reception, deadline: asyncio.Timeout
    ) -> None:
        """Make one request when its turn has come, on one of the connections."""
        longest = self._limits.patience
        first = deadline.when() is None
        try:
            await self._slots.enter(url.host, longest)
        except TimeoutError:
            raise _not_now(longest, first) from None
        try:
            await self._wait_for_turn(url, first)
            waited = not self._connections.take()
            if waited:
                await self._connections.wait()
            try:
                if waited:  # the turn may be long past, and another one's have come
                    await self._wait_for_turn(url, first)
                if first:
                    deadline.reschedule(asyncio.get_running_loop().time() + self._limits.total)
                await self._transport.get(url, headers, reception)
            finally:
                self._connections.give()
        finally:
            self._slots.leave(url.host)

    async def _wait_for_turn(self, url: Url, first: bool) -> None:
        wait = await self._pace.turn(url.host, self._limits.patience)
        if wait > 0:
            raise _not_now(wait, first)


def _not_now(seconds: float, first: bool) -> Refused:
    """``first``: nothing has been asked yet."""
    return Refused(Outcome.RATE_LIMITED, "the host's turn is too far away", seconds, asked=not first)
