"""Turns at hosts: one row for everybody, no closer than the interval, none while a host is held."""

import asyncio
import itertools
import time

from api.operations.context import Winnow

HOST = "photos.test:80"


async def test_turns_of_many_are_one_interval_apart(w: Winnow) -> None:
    turns = await asyncio.gather(*(w.store.hosts.take_turn(HOST, 0.2, 60.0) for _ in range(20)))
    marks = sorted(turn.mark for turn in turns)
    assert all(turn.taken for turn in turns)
    assert all((b - a).total_seconds() >= 0.2 for a, b in itertools.pairwise(marks))
    assert all(abs(turn.wait - 0.2 * marks.index(turn.mark)) < 2.0 for turn in turns)


async def test_a_turn_that_is_too_far_away_is_not_taken(w: Winnow) -> None:
    assert (await w.store.hosts.take_turn(HOST, 30.0, 1.0)).taken
    refused = [await w.store.hosts.take_turn(HOST, 30.0, 1.0) for _ in range(3)]
    assert [turn.taken for turn in refused] == [False] * 3
    assert all(25.0 < turn.wait <= 30.0 for turn in refused)


async def test_a_held_host_gives_no_turn_before_its_time_and_the_longest_hold_counts(w: Winnow) -> None:
    first = await w.store.hosts.take_turn(HOST, 0.0, 1.0)
    await w.store.hosts.hold(HOST, 20.0)
    await w.store.hosts.hold(HOST, 5.0)
    assert await w.store.hosts.held_after(HOST, first.mark)
    assert 18.0 < (await w.store.hosts.take_turn(HOST, 0.0, 1.0)).wait <= 20.0
    assert 18.0 < (await w.store.hosts.holds())[HOST] <= 20.0
    assert (await w.store.hosts.take_turn("other.test:80", 0.0, 1.0)).taken


async def test_a_crawl_delay_is_never_undercut(w: Winnow) -> None:
    await w.store.hosts.slow_down(HOST, 10.0)
    assert (await w.store.hosts.take_turn(HOST, 0.1, 1.0)).taken
    assert 8.0 < (await w.store.hosts.take_turn(HOST, 0.1, 1.0)).wait <= 10.0


async def test_robots_are_kept_for_everybody(w: Winnow) -> None:
    assert await w.store.hosts.robots(HOST) is None
    await w.store.hosts.keep_robots(HOST, "User-agent: *\nDisallow: $private\n")
    assert await w.store.hosts.robots(HOST) == "User-agent: *\nDisallow: $private\n"


async def test_one_process_asks_for_robots(w: Winnow) -> None:
    claims = await asyncio.gather(*(w.store.hosts.claim_robots(HOST) for _ in range(8)))
    assert sum(claims) == 1


async def test_time_is_the_servers(w: Winnow) -> None:
    before = time.time()
    mark = (await w.store.hosts.take_turn(HOST, 0.0, 1.0)).mark
    assert abs(mark.timestamp() - before) < 30.0
