"""What every Pace keeps. A test class inherits these tests and gives an ``opened`` fixture: interval -> Pace."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from scraper.fetch.protocol import Pace

HOST = "images.example:443"
OTHER = "photos.example:443"

Open = Callable[[float], Awaitable[Pace]]


class PaceContract:
    """``CLOCK_S``: how much the pace's clock rounds. ``SLACK_S``: how late a loaded machine may be."""

    CLOCK_S = 0.002
    SLACK_S = 5.0

    async def test_turns_are_never_closer_than_the_interval(self, opened: Open) -> None:
        pace = await opened(0.05)
        times: list[float] = []
        start = time.monotonic()

        async def ask() -> None:
            assert await pace.turn(HOST, 60.0) == 0.0
            times.append(time.monotonic())

        await asyncio.gather(*(ask() for _ in range(8)))
        times.sort()
        # turns may reach us late, and then bunched up, but none before its time
        assert all(at - start >= k * 0.05 - self.CLOCK_S for k, at in enumerate(times))
        assert times[-1] - start < 7 * 0.05 + self.SLACK_S

    async def test_hosts_do_not_wait_for_each_other(self, opened: Open) -> None:
        pace = await opened(30.0)
        assert await pace.turn(HOST, 0.0) == 0.0
        assert await pace.turn(OTHER, 0.0) == 0.0
        assert await pace.turn(HOST, 0.0) > 25.0

    async def test_a_turn_too_far_away_is_told_and_not_taken(self, opened: Open) -> None:
        pace = await opened(10.0)
        assert await pace.turn(HOST, 1.0) == 0.0
        waits = [await pace.turn(HOST, 1.0) for _ in range(5)]
        assert all(5.0 < wait <= 10.0 + self.CLOCK_S for wait in waits), waits

    async def test_without_interval_nobody_waits(self, opened: Open) -> None:
        pace = await opened(0.0)
        assert [await pace.turn(HOST, 0.0) for _ in range(50)] == [0.0] * 50

    async def test_a_hold_is_kept(self, opened: Open) -> None:
        for interval in (0.0, 0.01):
            pace = await opened(interval)
            host = f"held-{interval}.example:80"
            await pace.turn(host, 1.0)
            start = time.monotonic()
            await pace.hold(host, 0.5)
            assert 0.0 < await pace.turn(host, 0.0) <= 0.5 + self.CLOCK_S
            assert await pace.turn(host, 30.0) == 0.0
            assert time.monotonic() - start >= 0.5 - self.CLOCK_S

    async def test_a_shorter_hold_does_not_end_a_longer_one(self, opened: Open) -> None:
        pace = await opened(0.0)
        await pace.hold(HOST, 60.0)
        await pace.hold(HOST, 0.01)
        assert await pace.turn(HOST, 1.0) > 50.0

    async def test_who_waits_for_a_turn_waits_for_a_hold_too(self, opened: Open) -> None:
        pace = await opened(0.2)
        await pace.turn(HOST, 1.0)
        start = time.monotonic()
        waiting = asyncio.create_task(pace.turn(HOST, 30.0))
        await asyncio.sleep(0.02)
        await pace.hold(HOST, 0.8)
        assert await waiting == 0.0
        assert time.monotonic() - start >= 0.8

    async def test_a_crawl_delay_is_kept_even_without_interval(self, opened: Open) -> None:
        pace = await opened(0.0)
        await pace.slow_down(HOST, 20.0)
        assert await pace.turn(HOST, 0.0) == 0.0
        assert await pace.turn(HOST, 0.0) > 15.0
        assert await pace.turn(OTHER, 0.0) == 0.0

    async def test_a_crawl_delay_never_speeds_up(self, opened: Open) -> None:
        pace = await opened(20.0)
        await pace.slow_down(HOST, 0.01)
        await pace.turn(HOST, 0.0)
        assert await pace.turn(HOST, 0.0) > 15.0

    async def test_robots_are_kept(self, opened: Open) -> None:
        pace = await opened(0.0)
        assert await pace.robots(HOST) is None
        await pace.keep_robots(HOST, "User-agent: *\nDisallow: /$x\n")
        await pace.keep_robots(OTHER, "")
        assert await pace.robots(HOST) == "User-agent: *\nDisallow: /$x\n"
        assert await pace.robots(OTHER) == ""
