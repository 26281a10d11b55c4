"""A concept's queries over a real source: past the limit of one query, within the pace, and on after a quota."""

import random

import httpx
import pytest

from active_learning.domain.errors import QuotaExhausted
from scraper.expansion import Several, expand
from scraper.sources.openverse import Openverse
from tests.scraper.fakes.openverse import FakeOpenverse, image
from tests.scraper.fakes.timing import Time, most_in

QUERIES = expand("car", limit=10)


@pytest.fixture
def service() -> FakeOpenverse:
    """Every query finds some of the same 2,000 images."""
    service = FakeOpenverse(Time(), [])
    everything = [image(number) for number in range(2_000)]
    draw = random.Random(1)
    service.answers = {query: draw.sample(everything, 400) for query in QUERIES}
    return service


def source(service: FakeOpenverse) -> Several:
    transport = httpx.ASGITransport(service.app)
    return Several(Openverse("car", transport=transport, sleep=service.time.sleep, clock=service.time.clock), QUERIES)


async def test_more_than_one_query_gives_each_once_and_in_pace(service: FakeOpenverse) -> None:
    found = [found.url async for page in source(service).pages() for found in page.images]
    reachable = {one["url"] for images in service.answers.values() for one in images[:240]}
    assert len(found) == len(set(found)) and set(found) == reachable
    assert len(reachable) > 5 * 240
    assert [search["q"] for search in service.searches[::12]] == list(QUERIES)
    assert most_in(service.times, 60.0) <= 20 and len(service.searches) == 120


async def test_it_goes_on_after_a_quota_in_the_middle_of_a_query(service: FakeOpenverse) -> None:
    service.throttles[False][1].requests = 50
    cursor, urls, stops = None, set(), 0
    while True:
        try:
            async for page in source(service).pages(cursor):
                cursor = page.cursor
                urls |= {found.url for found in page.images}
            break
        except QuotaExhausted as quota:
            stops += 1
            service.time.now += quota.seconds
    assert urls == {one["url"] for images in service.answers.values() for one in images[:240]}
    answered = [(search["q"], search["page"]) for search in service.searches]
    # refused requests are asked once more, answered ones never
    assert len(set(answered)) == 120 and len(answered) <= 120 + stops
