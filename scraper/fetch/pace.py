"""Politeness within one process: when each host may be asked next, kept in memory."""

import asyncio
import time
from collections.abc import Callable

MANY_HOSTS = 10_000
"""From so many on, hosts that nobody waits for are forgotten."""

ROBOTS_KEPT_S = 86_400.0

TIMER_S = 0.002
"""Timers are rounded and may fire so much too early."""


class LocalPace:
    """The :class:`scraper.fetch.protocol.Pace` of a process that fetches alone.

    ``interval`` is seconds between two requests to a host; with 0 hosts are not paced, and a turn costs next to
    nothing, but a Retry-After and a Crawl-delay are honoured all the same. ``clock`` gives monotonic seconds.
    """

    def __init__(self, interval: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._next: dict[str, float] = {}
        self._held: dict[str, float] = {}
        self._slow: dict[str, float] = {}
        self._robots: dict[str, tuple[float, str]] = {}

    async def turn(self, host: str, longest: float) -> float:
        """See :class:`scraper.fetch.protocol.Pace`."""
        interval = self._slow.get(host, self._interval)
        if interval == 0 and host not in self._held:
            return 0.0
        while True:
            now = self._clock()
            at = max(now, self._next.get(host, now), self._held.get(host, now))
            if at - now > longest:
                return at - now
            self._next[host] = at + interval
            if at > now:
                await asyncio.sleep(at - now + TIMER_S)
            longest -= self._clock() - now
            # Meanwhile somebody may have been told to leave the host alone: then this turn has lapsed.
            if self._held.get(host, at) <= at:
                self._held.pop(host, None)
                self._tidy()
                return 0.0

    async def hold(self, host: str, seconds: float) -> None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        self._held[host] = max(self._held.get(host, 0.0), self._clock() + seconds)

    async def slow_down(self, host: str, interval: float) -> None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        self._slow[host] = max(self._interval, interval)

    async def robots(self, host: str) -> str | None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        until, text = self._robots.get(host, (0.0, ""))
        return text if self._clock() < until else None

    async def keep_robots(self, host: str, text: str) -> None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        self._robots.pop(host, None)
        self._robots[host] = (self._clock() + ROBOTS_KEPT_S, text)
        while len(self._robots) > MANY_HOSTS:
            del self._robots[next(iter(self._robots))]

    def _tidy(self) -> None:
        if len(self._next) <= MANY_HOSTS:
            return
        now = self._clock()
        self._next = {host: at for host, at in self._next.items() if at > now}
        self._held = {host: until for host, until in self._held.items() if until > now}
