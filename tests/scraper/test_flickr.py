"""Flickr: the source against its REST API, cap and failures included."""

import json
import random
from typing import Any

import httpx
import pytest

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from scraper.found import Cursor, Found, Page, Source
from scraper.sources.flickr import CAP, FIRST_UPLOAD, Flickr
from tests.scraper.fakes.flickr import KEY, FakeFlickr, photo
from tests.scraper.fakes.timing import Time, most_in

NOW = 1_790_000_000


@pytest.fixture
def service() -> FakeFlickr:
    return FakeFlickr(Time(), [photo(number, NOW - 1_000_000 + number * 60) for number in range(1_200)])


def flickr(service: FakeFlickr, query: str = "car", **arguments: Any) -> Flickr:
    arguments.setdefault("key", KEY)
    return Flickr(
        query,
        transport=httpx.ASGITransport(service.app),
        sleep=service.time.sleep,
        clock=service.time.clock,
        now=lambda: NOW,
        jitter=lambda: 0.0,
        **arguments,
    )


async def collect(source: Source, cursor: Cursor | None = None) -> list[Page]:
    return [page async for page in source.pages(cursor)]


def ids(pages: list[Page]) -> list[int]:
    return [int(found.provenance.source_id) for page in pages for found in page.images]


async def only(service: FakeFlickr, **arguments: Any) -> Found:
    ((found,),) = [page.images for page in await collect(flickr(service, **arguments))]
    return found


async def test_every_photo_oldest_first(service: FakeFlickr) -> None:
    pages = await collect(flickr(service))
    assert ids(pages) == list(range(1_200))
    assert [len(page.images) for page in pages] == [500, 500, 200]
    assert {page.total for page in pages} == {1_200}
    assert [request["page"] for request in service.searches] == ["1", "2", "3"]
    (bounds,) = {(request["min_upload_date"], request["max_upload_date"]) for request in service.searches}
    assert bounds == (str(FIRST_UPLOAD), str(NOW))
    assert len(service.requests) == 4 and "license" not in service.searches[0]


async def test_totals_may_be_text(service: FakeFlickr) -> None:
    service.totals_are_text = True
    pages = await collect(flickr(service))
    assert len(ids(pages)) == 1_200 and pages[0].total == 1_200


async def test_provenance(service: FakeFlickr) -> None:
    service.photos = [photo(7, NOW - 5)]
    found = await only(service)
    assert found.url == "https://live.staticflickr.com/2/7_a123456_b.jpg" and found.name == "Car 7"
    assert found.provenance.page == "https://www.flickr.com/photos/12037949754@N01/7"
    assert found.provenance.author_url == "https://www.flickr.com/people/12037949754@N01"
    assert found.provenance.licence == "by"
    assert found.provenance.attribution == (
        '"Car 7" by Ann, https://www.flickr.com/photos/12037949754@N01/7, licensed under CC BY 2.0 '
        "(https://creativecommons.org/licenses/by/2.0/)"
    )
    service.photos = [photo(7, NOW - 5, "0", pathalias="ann", title={"_content": " A  car "})]
    found = await only(service)
    assert found.name == "A car" and found.provenance.author_url == "https://www.flickr.com/people/ann"
    assert found.provenance.licence == "all-rights-reserved"


async def test_the_wanted_size_or_the_next(service: FakeFlickr) -> None:
    service.photos = [photo(1, NOW - 3), photo(2, NOW - 2, url_l=None), photo(3, NOW - 1, url_l="", url_o="", url_c="")]
    (large,) = await collect(flickr(service))
    assert [found.url[-6:] for found in large.images] == ["_b.jpg", "_o.jpg"]
    (original,) = await collect(flickr(service, size="original"))
    assert [found.url[-6:] for found in original.images] == ["_o.jpg", "_o.jpg"]


async def test_licences_are_asked_for_by_the_numbers_that_flickr_tells(service: FakeFlickr) -> None:
    service.photos = [photo(n, NOW - 100 + n, licence) for n, licence in enumerate(["0", "1", "4", "5", "9", "11"])]
    source = flickr(service, licences=("by", "cc0", "gfdl"))
    assert [found.provenance.licence for page in await collect(source) for found in page.images] == ["by", "cc0", "by"]
    assert service.searches[0]["license"] == "4,9,11"
    await collect(source.about("red car"))
    methods = [request["method"] for request in service.requests]
    assert methods.count("flickr.photos.licenses.getInfo") == 1
    assert service.searches[-1]["text"] == "red car"
    with pytest.raises(InputError, match="no photos under gfdl"):
        await collect(flickr(service, licences=("gfdl",)))


def many(count: int) -> list[dict[str, Any]]:
    """Photos whose uploads crowd together, some thousand within a few minutes."""
    draw = random.Random(5)
    moments = [int(FIRST_UPLOAD + (NOW - FIRST_UPLOAD) * draw.random() ** 3) for _ in range(count // 2)]
    moments += [NOW - 9_000_000 + draw.randrange(600) for _ in range(count - count // 2)]
    return [photo(number, moment) for number, moment in enumerate(sorted(moments))]


async def test_nothing_is_capped(service: FakeFlickr) -> None:
    service.photos = many(9_500)
    pages = await collect(flickr(service))
    assert ids(pages) == list(range(9_500))
    assert {page.total for page in pages} == {9_500}
    # no page beyond the cap is asked for, where Flickr would repeat itself
    assert all(int(request["page"]) * 500 <= CAP for request in service.searches)
    assert len(service.searches) < 2 * 9_500 / 500 + 60


async def test_it_goes_on_from_every_cursor(service: FakeFlickr) -> None:
    service.photos = many(5_000)
    pages = await collect(flickr(service))
    for number in (0, 1, 5, len(pages) - 2, len(pages) - 1):
        cursor = json.loads(json.dumps(pages[number].cursor))
        service.requests.clear()
        assert await collect(flickr(service), cursor) == pages[number + 1 :]
    assert service.requests == []


async def test_uploads_during_a_run_do_not_move_the_pages(service: FakeFlickr) -> None:
    pages = []
    async for page in flickr(service).pages():
        pages.append(page)
        service.photos += [photo(10_000 + len(pages), NOW + len(pages))]
    assert ids(pages) == list(range(1_200))


async def test_more_than_the_cap_in_one_second_ends(service: FakeFlickr) -> None:
    service.photos = [photo(number, NOW - 100) for number in range(4_700)]
    assert ids(await collect(flickr(service))) == list(range(4_000))


async def test_only_what_is_new(service: FakeFlickr) -> None:
    pages = await collect(flickr(service, since=service.photos[1_150]["uploaded"]))
    assert ids(pages) == list(range(1_150, 1_200))
    assert await collect(flickr(service, since=NOW + 1)) == []


async def test_nothing_found_is_one_empty_page(service: FakeFlickr) -> None:
    service.photos = []
    (page,) = await collect(flickr(service))
    assert page.images == () and page.total == 0


async def test_a_wrong_key_names_the_setting(service: FakeFlickr) -> None:
    with pytest.raises(InputError, match="WINNOW_FLICKR_KEY"):
        await collect(flickr(service, key="wrong"))
    assert len(service.requests) == 1
    with pytest.raises(InputError, match="WINNOW_FLICKR_KEY"):
        flickr(service, key="")
    with pytest.raises(InputError, match="empty"):
        flickr(service, query=" ")


async def test_other_failures_are_the_readers_business(service: FakeFlickr) -> None:
    service.failures = [(18, "Illogical arguments")]
    with pytest.raises(InputError, match=r"\(18\): Illogical arguments"):
        await collect(flickr(service))
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (0, "Sorry, the Flickr API service is not currently available."),
        (10, "Sorry, the Flickr search API is not currently available."),
        (105, "Service currently unavailable"),
    ],
)
async def test_passing_failures_are_asked_again_and_given_up_in_the_end(
    service: FakeFlickr, code: int, message: str
) -> None:
    service.failures = [(code, message)] * 4
    assert len(ids(await collect(flickr(service)))) == 1_200
    waits = [later - sooner for sooner, later in zip(service.times[:4], service.times[1:5], strict=True)]
    assert all(wait >= least for wait, least in zip(waits, (1.0, 2.0, 4.0, 8.0), strict=True))
    service.failures = [(code, message)] * 5
    with pytest.raises(Unavailable, match=message):
        await collect(flickr(service))


async def test_throttling_and_server_errors(service: FakeFlickr) -> None:
    service.troubles.add(429, "<html>", retry_after="20")
    service.troubles.add(502, "<html>")
    assert len(ids(await collect(flickr(service)))) == 1_200
    assert service.times[1] - service.times[0] >= 20.0
    service.troubles.add(429, times=9)
    with pytest.raises(QuotaExhausted):
        await collect(flickr(service))


async def test_the_cursor_of_the_last_page_survives_a_failure(service: FakeFlickr) -> None:
    source, pages = flickr(service), []
    with pytest.raises(Unavailable):
        async for page in source.pages():
            pages.append(page)
            if len(pages) == 2:
                service.troubles.add(503, times=5)
    assert ids(pages + await collect(source, pages[-1].cursor)) == list(range(1_200))


async def test_no_more_than_a_request_a_second(service: FakeFlickr) -> None:
    source = flickr(service)
    for query in ("car", "red car", "old car"):
        await collect(source.about(query))
    assert most_in(service.times, 1.0) == 1 and most_in(service.times, 3_600.0) == len(service.times)
