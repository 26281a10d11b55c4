"""Openverse: the source against a service built from the published one."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from scraper.found import Cursor, Page, Source
from scraper.sources.openverse import Openverse
from tests.scraper.fakes.openverse import CLIENT, FakeOpenverse, image
from tests.scraper.fakes.timing import Time, most_in
from tests.scraper.fakes.troubles import Flaky


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def service(time: Time) -> FakeOpenverse:
    return FakeOpenverse(time, [image(number) for number in range(45)])


def openverse(service: FakeOpenverse, query: str = "car", **arguments: Any) -> Openverse:
    arguments.setdefault("transport", httpx.ASGITransport(service.app))
    return Openverse(query, sleep=service.time.sleep, clock=service.time.clock, jitter=lambda: 0.0, **arguments)


async def collect(source: Source, cursor: Cursor | None = None) -> list[Page]:
    return [page async for page in source.pages(cursor)]


def urls(pages: list[Page]) -> list[str]:
    return [found.url for page in pages for found in page.images]


def signed(service: FakeOpenverse, **arguments: Any) -> Openverse:
    return openverse(service, client_id=CLIENT[0], client_secret=CLIENT[1], **arguments)


async def test_every_image_of_a_query_page_by_page(service: FakeOpenverse) -> None:
    pages = await collect(openverse(service, contact="ann@example.org"))
    assert urls(pages) == [one["url"] for one in service.images]
    assert [len(page.images) for page in pages] == [20, 20, 5]
    assert {page.total for page in pages} == {45}
    assert service.searches == [{"q": "car", "page": str(number), "page_size": "20"} for number in (1, 2, 3)]
    (agent,) = service.agents
    assert agent.startswith("Winnow/") and "ann@example.org" in agent


async def test_provenance_and_licence_come_along(service: FakeOpenverse) -> None:
    (page, *_) = await collect(openverse(service))
    found = page.images[3]
    assert found.name == "Car 3" and found.read is None
    assert found.provenance.source == "openverse"
    assert found.provenance.source_id == "00000000-0000-4000-8000-000000000003"
    assert found.provenance.page == "https://www.flickr.com/photos/ann/3"
    assert (found.provenance.author, found.provenance.author_url) == ("Ann", "https://www.flickr.com/photos/ann")
    assert found.provenance.licence == "by"
    assert found.provenance.attribution == (
        '"Car 3" by Ann, https://www.flickr.com/photos/ann/3, licensed under CC BY 2.0 '
        "(https://creativecommons.org/licenses/by/2.0/)"
    )


async def test_empty_fields_and_drawings(service: FakeOpenverse) -> None:
    service.images = [
        image(1, title=None, creator=None, creator_url=None, foreign_landing_url=None),
        image(2, filetype="svg"),
        image(3, url=""),
    ]
    ((found,),) = [page.images for page in await collect(openverse(service))]
    assert found.name == found.provenance.source_id
    assert found.provenance.attribution.startswith("Untitled, author not named, licensed under CC BY 2.0")


async def test_licences_and_collection_are_asked_for(service: FakeOpenverse) -> None:
    service.images = [image(1), image(2, "cc0"), image(3, "by-nc"), image(4, "cc0", source="museum")]
    pages = await collect(openverse(service, licences=("cc0", "pd", "by"), source="flickr"))
    assert [found.provenance.licence for found in pages[0].images] == ["by", "cc0"]
    assert service.searches[0]["license"] == "cc0,by"
    assert service.searches[0]["source"] == "flickr"


async def test_it_goes_on_from_every_cursor(service: FakeOpenverse) -> None:
    pages = await collect(openverse(service))
    for number, page in enumerate(pages):
        cursor = json.loads(json.dumps(page.cursor))
        assert await collect(openverse(service), cursor) == pages[number + 1 :]


async def test_nothing_found_is_one_empty_page(service: FakeOpenverse) -> None:
    service.images = []
    assert await collect(openverse(service)) == [Page((), {"offset": 20, "end": True}, 0)]
    assert len(service.searches) == 1


async def test_pages_that_dead_links_leave_empty_do_not_end_it(service: FakeOpenverse) -> None:
    service.dead = {one["url"] for one in service.images[20:40]}
    pages = await collect(openverse(service))
    assert [len(page.images) for page in pages] == [20, 0, 5]


async def test_it_ends_at_the_depth_without_a_refused_request(service: FakeOpenverse) -> None:
    service.images = [image(number) for number in range(1_000)]
    pages = await collect(openverse(service))
    assert len(urls(pages)) == 240 and pages[0].total == 240
    assert len(service.searches) == 12


async def test_with_credentials_pages_are_larger_and_fill_the_depth(service: FakeOpenverse) -> None:
    service.images = [image(number) for number in range(1_000)]
    pages = await collect(signed(service))
    assert len(urls(pages)) == 240
    assert [search["page_size"] for search in service.searches] == ["48"] * 5
    assert len(service.granted) == 1


async def test_a_smaller_page_limit_is_learnt_from_the_refusal(service: FakeOpenverse) -> None:
    service.sizes[True] = 20
    assert len(urls(await collect(signed(service)))) == 45
    assert [search["page_size"] for search in service.searches] == ["48", "20", "20", "20"]


async def test_a_smaller_depth_is_learnt_from_the_refusal(service: FakeOpenverse) -> None:
    service.depth = 20
    service.images = [image(number) for number in range(300)]
    source = openverse(service)
    # the page count says that there is no more; only a cursor of older days leads beyond
    assert len(urls(await collect(source))) == 20
    assert await collect(openverse(service), {"offset": 20, "end": False}) == []
    assert service.searches[-1]["page"] == "2"


async def test_a_refusal_without_a_number_is_not_asked_again(service: FakeOpenverse) -> None:
    service.troubles.add(401, '{"detail": "Authentication credentials were not provided."}')
    with pytest.raises(InputError, match="WINNOW_OPENVERSE_CLIENT_ID"):
        await collect(openverse(service))
    assert len(service.searches) == 1


async def test_wrong_credentials(service: FakeOpenverse) -> None:
    with pytest.raises(InputError, match="WINNOW_OPENVERSE_CLIENT_SECRET"):
        await collect(openverse(service, client_id="an id", client_secret="wrong"))
    assert service.searches == []
    with pytest.raises(InputError, match="Half of Openverse's credentials"):
        openverse(service, client_id="an id")


async def test_a_token_is_replaced_when_it_is_refused_but_only_once(service: FakeOpenverse) -> None:
    source = signed(service)
    pages = source.pages()
    await anext(pages)
    service.images *= 3
    service.valid.clear()
    assert len(urls(await collect(source))) == 135
    assert len(service.granted) == 2
    service.troubles.add(401, '{"detail": "Incorrect authentication credentials."}', times=9)
    with pytest.raises(InputError, match="Incorrect authentication credentials"):
        await collect(source)
    assert len(service.granted) == 3
    await pages.aclose()


async def test_a_token_is_replaced_before_it_expires(service: FakeOpenverse) -> None:
    source = signed(service)
    await collect(source)
    service.time.now += service.expires_in - 30
    await collect(source)
    assert len(service.granted) == 2


async def test_a_wrong_parameter_is_the_readers_business(service: FakeOpenverse) -> None:
    service.troubles.add(400, '{"detail": {"license": ["License \'x\' does not exist."]}}')
    with pytest.raises(InputError, match="License 'x' does not exist"):
        await collect(openverse(service))
    with pytest.raises(InputError, match="empty"):
        openverse(service, query="  ")
    with pytest.raises(InputError, match="201 letters"):
        openverse(service, query="a" * 201)
    with pytest.raises(InputError, match="no images under gfdl"):
        openverse(service, licences=("gfdl",))


async def test_never_more_requests_a_minute_than_allowed(service: FakeOpenverse) -> None:
    service.images = [image(number) for number in range(240)]
    source = openverse(service)
    for query in ("car", "red car", "old car", "car at night"):
        await collect(source.about(query))
    assert len(service.searches) == 48
    assert most_in(service.times, 60.0) <= 20
    assert service.time.now - 1_000.0 < 48 * 3.0 * 1.1


async def test_the_pace_follows_the_stated_limit(service: FakeOpenverse) -> None:
    service.throttles[False][0].requests = 6
    service.images = [image(number) for number in range(240)]
    await collect(openverse(service))
    assert most_in(service.times[1:], 60.0) <= 6


async def test_a_429_is_waited_for_as_long_as_it_says(service: FakeOpenverse) -> None:
    service.troubles.add(429, '{"detail": "Request was throttled."}', retry_after="37")
    assert len(urls(await collect(openverse(service)))) == 45
    assert service.times[1] - service.times[0] >= 37.0


async def test_a_429_that_does_not_say_how_long_is_asked_less_and_less(service: FakeOpenverse) -> None:
    service.troubles.add(429, times=3)
    assert len(urls(await collect(openverse(service)))) == 45
    waits = [later - sooner for sooner, later in zip(service.times[:3], service.times[1:4], strict=True)]
    assert waits == [8.0, 16.0, 32.0]


async def test_a_429_that_never_ends_is_a_quota(service: FakeOpenverse) -> None:
    service.troubles.add(429, times=99)
    with pytest.raises(QuotaExhausted) as caught:
        await collect(openverse(service))
    assert caught.value.seconds == 3_600.0
    assert len(service.searches) == 5


async def test_the_daily_quota_says_when_to_come_back_and_where_it_stood(service: FakeOpenverse) -> None:
    service.throttles[False][1].requests = 2
    source, pages = openverse(service), []
    with pytest.raises(QuotaExhausted) as caught:
        async for page in source.pages():
            pages.append(page)
    # stated as used up by the second answer: the third request is not made
    assert len(pages) == 2 and len(service.searches) == 2
    assert caught.value.seconds == 3_600.0 and "WINNOW_OPENVERSE_CLIENT_ID" in str(caught.value)
    with pytest.raises(QuotaExhausted) as caught:
        await collect(source, pages[-1].cursor)
    assert 86_000 < caught.value.seconds <= 86_400
    service.time.now += caught.value.seconds
    assert urls(await collect(source, pages[-1].cursor)) == [one["url"] for one in service.images[40:]]


async def test_server_errors_are_asked_again_with_back_off_and_then_given_up(service: FakeOpenverse) -> None:
    service.troubles.add(503, "<html>", times=4)
    assert len(urls(await collect(openverse(service)))) == 45
    waits = [later - sooner for sooner, later in zip(service.times[:4], service.times[1:5], strict=True)]
    assert all(wait >= least for wait, least in zip(waits, (1.0, 2.0, 4.0, 8.0), strict=True))
    service.searches.clear()
    service.troubles.add(502, times=5)
    with pytest.raises(Unavailable, match="status 502, 5 times"):
        await collect(openverse(service))
    assert len(service.searches) == 5


async def test_broken_connections_and_answers_are_asked_again(service: FakeOpenverse) -> None:
    service.troubles.add(200, "<html>not JSON</html>")
    inner = httpx.ASGITransport(service.app)
    source = openverse(service, transport=Flaky(inner, 2, httpx.ReadTimeout))
    assert len(urls(await collect(source))) == 45
    with pytest.raises(Unavailable, match="ConnectError"):
        await collect(openverse(service, transport=Flaky(inner, 5, httpx.ConnectError)))


async def test_jitter_spreads_the_back_off(service: FakeOpenverse) -> None:
    service.troubles.add(500, times=4)
    random = iter([0.0, 0.0, 1.0, 0.5])
    source = Openverse(
        "car",
        transport=httpx.ASGITransport(service.app),
        sleep=service.time.sleep,
        clock=service.time.clock,
        jitter=lambda: next(random),
    )
    await anext(source.pages())
    assert service.times[3] - service.times[2] == pytest.approx(6.0)
    assert service.times[4] - service.times[3] == pytest.approx(10.0)


async def test_fewer_pages_than_before_end_it(service: FakeOpenverse) -> None:
    service.troubles.add(404, '{"detail": "Invalid page."}')
    assert urls(await collect(openverse(service), {"offset": 40, "end": False})) == []


async def test_an_answer_that_drips_is_not_waited_for(service: FakeOpenverse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scraper.sources.api.LONGEST_ANSWER", 0.05)

    class Dripping(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(Unavailable, match="TimeoutError, 5 times"):
        await collect(openverse(service, transport=Dripping()))
