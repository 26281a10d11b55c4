"""Politeness that holds for all processes together: turns at hosts are taken in MongoDB."""

import asyncio
import time

from api.operations.context import Winnow

ROBOTS_READ_S = 0.1

HOLDS_READ_S = 0.5
"""Where no interval is asked for, what others were told to wait for is read so often."""


class SharedPace:
    """The :class:`scraper.fetch.protocol.Pace` of an installation. ``interval`` is seconds between requests to a host.

    With an interval of 0 hosts are not paced, and turns cost no read; a Retry-After is honoured all the same.
    """

    def __init__(self, w: Winnow, interval: float) -> None:
        self._hosts = w.store.hosts
        self._interval = interval
        self._held: dict[str, float] = {}
        self._slow: set[str] = set()
        self._read_at = -HOLDS_READ_S

    async def turn(self, host: str, longest: float) -> float:
        """See :class:`scraper.fetch.protocol.Pace`."""
        if self._interval == 0 and host not in self._slow:
            return await self._unpaced(host, longest)
        while True:
            turn = await self._hosts.take_turn(host, self._interval, longest)
            if not turn.taken:
                return turn.wait
            if turn.wait > 0:
                await asyncio.sleep(turn.wait)
                # Somebody may have been told meanwhile to leave the host alone: then this turn has lapsed.
                if await self._hosts.held_after(host, turn.mark):
                    continue
            return 0.0

    async def _unpaced(self, host: str, longest: float) -> float:
        now = time.monotonic()
        if now - self._read_at > HOLDS_READ_S:
            self._read_at = now
            self._held = {name: now + seconds for name, seconds in (await self._hosts.holds()).items()}
        wait = self._held.get(host, 0.0) - now
        if wait > longest:
            return wait
        if wait > 0:
            await asyncio.sleep(wait)
        return 0.0

    async def hold(self, host: str, seconds: float) -> None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        self._held[host] = max(self._held.get(host, 0.0), time.monotonic() + seconds)
        await self._hosts.hold(host, seconds)

    async def slow_down(self, host: str, interval: float) -> None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        self._slow.add(host)
        await self._hosts.slow_down(host, interval)

    async def robots(self, host: str) -> str | None:
        """See :class:`scraper.fetch.protocol.Pace`. While another process asks for it, its answer is waited for."""
        while True:
            text = await self._hosts.robots(host)
            if text is not None or await self._hosts.claim_robots(host):
                return text
            await asyncio.sleep(ROBOTS_READ_S)

    async def keep_robots(self, host: str, text: str) -> None:
        """See :class:`scraper.fetch.protocol.Pace`."""
        await self._hosts.keep_robots(host, text)
