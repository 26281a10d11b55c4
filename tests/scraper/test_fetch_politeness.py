"""Politeness, judged from the server's own log: rates, waits, robots.txt, opt-outs, connections."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from scraper.fetch import open_fetcher
from scraper.fetch.pace import LocalPace
from scraper.fetch.protocol import Fetcher, FetchLimits, Pace, Reply, Request
from scraper.outcomes import Outcome, Refused
from tests.scraper.hostile.server import IMAGE, Server, answer, running

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
LIMITS = FetchLimits(networks=("127.0.0.0/30",), patience=30.0)
CLOCK_S = 0.002

Open = Callable[..., Fetcher]


@pytest.fixture
def server() -> Iterator[Server]:
    with running(addresses=HOSTS) as server:
        yield server


@pytest.fixture(params=["aiohttp", "curl"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    if request.param == "curl":
        pytest.importorskip("pycurl")
    async with AsyncExitStack() as stack:

        def open_one(pace: Pace, limits: FetchLimits = LIMITS) -> Fetcher:
            fetcher = open_fetcher(limits, pace, request.param)
            stack.push_async_callback(fetcher.close)
            return fetcher

        yield open_one


async def get(fetcher: Fetcher, url: str) -> Reply | Refused:
    try:
        return await fetcher.fetch(Request(url))
    except Refused as refused:
        return refused


def robots(server: Server, text: str, status: str = "200 OK") -> None:
    server.robots = answer(text.encode(), status)


def times(server: Server, host: str) -> list[float]:
    return sorted(one.at for one in server.log if one.address == host)


async def test_never_more_than_the_allowed_rate_at_any_host(server: Server, opened: Open) -> None:
    """Three hosts, one pace, two fetchers, as two processes would be; redirects and robots.txt count as requests."""
    pace = LocalPace(0.1)
    fetchers = [opened(pace), opened(pace)]
    start = time.monotonic()
    urls = [server.url("redirect" if k % 3 == 0 else "ok", host) for k in range(6) for host in HOSTS]
    await asyncio.gather(*(get(fetchers[k % 2], url) for k, url in enumerate(urls)))
    for host in HOSTS:
        at = times(server, host)
        assert len(at) >= 6
        # requests may arrive late, and then bunched up, but none before its time
        assert all(one - start >= k * 0.1 - CLOCK_S for k, one in enumerate(at))


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_retry_after_is_never_undercut(server: Server, opened: Open, status: str) -> None:
    server.answers["busy"] = answer(b"", status, "Retry-After: 1\r\n")
    fetcher = opened(LocalPace(0.0))
    busy, _, *others = await asyncio.gather(
        get(fetcher, server.url("busy")), asyncio.sleep(0.3), *(get(fetcher, server.url("ok", h)) for h in HOSTS[1:])
    )
    assert isinstance(busy, Refused) and busy.retry_after == 1.0
    assert all(isinstance(other, Reply) for other in others)
    later = await asyncio.gather(*(get(fetcher, server.url("ok")) for _ in range(5)))
    assert all(isinstance(one, Reply) for one in later)
    told = server.asked("busy")[0].at
    assert all(one.at - told >= 1.0 for one in server.asked("ok") if one.address == HOSTS[0])
    assert len(server.asked("busy")) == 1


async def test_a_host_whose_turn_is_far_away_is_not_asked(server: Server, opened: Open) -> None:
    server.answers["busy"] = answer(b"", "429 Too Many Requests", "Retry-After: 60\r\n")
    fetcher = opened(LocalPace(0.0), FetchLimits(networks=("127.0.0.0/30",), patience=0.2))
    await get(fetcher, server.url("busy"))
    refused = await get(fetcher, server.url("ok"))
    assert isinstance(refused, Refused) and refused.outcome is Outcome.RATE_LIMITED
    assert refused.retry_after is not None and 50.0 < refused.retry_after <= 60.0
    assert not refused.asked
    assert not server.asked("ok")


async def test_robots_txt_is_asked_once_and_obeyed(server: Server, opened: Open) -> None:
    robots(server, "User-agent: *\nDisallow: /\n\nUser-agent: winnow\nDisallow: /private\nAllow: /private/open\n")
    fetcher = opened(LocalPace(0.0))
    paths = ["ok", "private/a", "private/open/b", "gzip", "private/c?x=1"] * 4
    ends = await asyncio.gather(*(get(fetcher, server.url(path)) for path in paths))
    assert [isinstance(end, Reply) for end in ends] == [True, False, True, True, False] * 4
    assert all(end.outcome is Outcome.ROBOTS for end in ends if isinstance(end, Refused))
    assert len(server.asked("robots.txt")) == 1
    assert not server.asked("private/a") and not server.asked("private/c")


async def test_another_process_does_not_ask_again(server: Server, opened: Open) -> None:
    robots(server, "User-agent: *\nDisallow: /ok\n")
    pace = LocalPace(0.0)
    for _ in range(3):
        refused = await get(opened(pace), server.url("ok"))
        assert isinstance(refused, Refused) and refused.outcome is Outcome.ROBOTS
    assert len(server.asked("robots.txt")) == 1


async def test_a_redirect_into_a_forbidden_part_is_not_followed(server: Server, opened: Open) -> None:
    robots(server, "User-agent: *\nDisallow: /loop-b\n")
    refused = await get(opened(LocalPace(0.0)), server.url("loop-a"))
    assert isinstance(refused, Refused) and refused.outcome is Outcome.ROBOTS
    assert not server.asked("loop-b")


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "410 Gone"])
async def test_no_robots_txt_allows_everything(server: Server, opened: Open, status: str) -> None:
    robots(server, "User-agent: *\nDisallow: /\n", status)
    fetcher = opened(LocalPace(0.0))
    for _ in range(3):
        assert isinstance(await get(fetcher, server.url("ok")), Reply)
    assert len(server.asked("robots.txt")) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [("500 Oops", Outcome.SERVER_ERROR), ("429 Too Many Requests", Outcome.RATE_LIMITED)],
)
async def test_a_robots_txt_that_cannot_be_had_forbids_everything(
    server: Server, opened: Open, status: str, expected: Outcome
) -> None:
    robots(server, "User-agent: *\nAllow: /\n", status)
    fetcher = opened(LocalPace(0.0))
    for _ in range(3):
        refused = await get(fetcher, server.url("ok"))
        assert isinstance(refused, Refused) and refused.outcome is expected
        assert refused.outcome.passing
    assert len(server.asked("robots.txt")) == 1
    assert not server.asked("ok")


async def test_robots_txt_behind_redirects_and_too_long(server: Server, opened: Open) -> None:
    server.robots = answer(b"", "301 Moved Permanently", "Location: /robots-2\r\n")
    rules = b"User-agent: *\nDisallow: /private\n"
    server.answers["robots-2"] = answer(rules + b"# long\n" * 100_000 + b"Disallow: /ok\n")
    fetcher = opened(LocalPace(0.0))
    assert isinstance(await get(fetcher, server.url("ok")), Reply)
    assert isinstance(await get(fetcher, server.url("private")), Refused)


async def test_a_crawl_delay_is_the_pace(server: Server, opened: Open) -> None:
    robots(server, "User-agent: *\nCrawl-delay: 0.2\n")
    fetcher = opened(LocalPace(0.0))
    await asyncio.gather(*(get(fetcher, server.url("ok")) for _ in range(4)))
    start = server.asked("robots.txt")[0].at
    at = sorted(one.at for one in server.asked("ok"))
    assert all(one - start >= k * 0.2 - CLOCK_S for k, one in enumerate(at))


async def test_without_robots_nobody_asks_for_it(server: Server, opened: Open) -> None:
    limits = FetchLimits(networks=("127.0.0.0/30",), robots=False, opt_outs=False)
    fetcher = opened(LocalPace(0.0), limits)
    for case in ("ok", "noai", "tdm"):
        end = await get(fetcher, server.url(case))
        assert isinstance(end, Reply) and end.body == IMAGE
    assert not server.asked("robots.txt")


async def test_what_will_not_change_is_asked_once(server: Server, opened: Open) -> None:
    fetcher = opened(LocalPace(0.0))
    for case in ("404", "410", "403", "noai", "tdm", "204", "gzip-broken"):
        end = await get(fetcher, server.url(case))
        assert isinstance(end, Refused)
        assert len(server.asked(case)) == 1, case


async def test_connections_to_a_host_are_bounded(server: Server, opened: Open) -> None:
    limits = FetchLimits(networks=("127.0.0.0/30",), per_host=3, connections=7, patience=30.0, total=10.0)
    fetcher = opened(LocalPace(0.0), limits)
    urls = [server.url("slow-hops?4", host) for host in HOSTS for _ in range(6)]  # follows two slow redirects
    ends = await asyncio.gather(*(get(fetcher, url) for url in urls))
    assert all(isinstance(end, Reply) for end in ends)
    for host in HOSTS:
        assert 1 <= server.most_open[host] <= 3
    assert server.most_at_once <= 7


async def test_one_slow_host_holds_up_nobody_else(server: Server, opened: Open) -> None:
    limits = FetchLimits(networks=("127.0.0.0/30",), per_host=2, connections=4, patience=0.3, total=1.2)
    fetcher = opened(LocalPace(0.0), limits)
    slow = [asyncio.create_task(get(fetcher, server.url("silent"))) for _ in range(20)]
    await asyncio.sleep(0.05)
    ends = await asyncio.gather(*(get(fetcher, server.url("ok", HOSTS[1])) for _ in range(20)))
    assert any(not one.done() for one in slow)
    assert all(isinstance(end, Reply) for end in ends)
    refused = [end for end in await asyncio.gather(*slow) if isinstance(end, Refused)]
    assert sorted(end.outcome.value for end in refused) == ["rate_limited"] * 18 + ["timeout"] * 2
    assert all(not end.asked for end in refused if end.outcome is Outcome.RATE_LIMITED)
