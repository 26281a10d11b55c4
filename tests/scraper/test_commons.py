"""Wikimedia Commons: the source against the part of the Action API that it uses."""

import json
from typing import Any

import httpx
import pytest

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from scraper.found import Cursor, Found, Page, Source
from scraper.sources.commons import Commons
from tests.scraper.fakes.commons import FakeCommons, file
from tests.scraper.fakes.timing import Time, most_in


@pytest.fixture
def wiki() -> FakeCommons:
    return FakeCommons(Time(), [file(number) for number in range(120)])


def commons(wiki: FakeCommons, query: str = "car", **arguments: Any) -> Commons:
    return Commons(
        query,
        contact="ann@example.org",
        transport=httpx.ASGITransport(wiki.app),
        sleep=wiki.time.sleep,
        clock=wiki.time.clock,
        jitter=lambda: 0.0,
        **arguments,
    )


async def collect(source: Source, cursor: Cursor | None = None) -> list[Page]:
    return [page async for page in source.pages(cursor)]


def ids(pages: list[Page]) -> list[int]:
    return [int(found.provenance.source_id) for page in pages for found in page.images]


async def only(wiki: FakeCommons, **arguments: Any) -> Found:
    ((found,),) = [page.images for page in await collect(commons(wiki, **arguments))]
    return found


async def test_every_result_in_the_order_of_the_search(wiki: FakeCommons) -> None:
    pages = await collect(commons(wiki))
    assert ids(pages) == list(range(120))
    assert [len(page.images) for page in pages] == [50, 50, 20]
    assert {page.total for page in pages} == {120}
    assert [request.get("gsroffset") for request in wiki.requests[1:]] == [None, "50", "100"]
    assert {request["gsrsearch"] for request in wiki.requests[1:]} == {"car filetype:bitmap"}
    (agent,) = wiki.agents
    assert agent.startswith("Winnow/0.1 (ann@example.org) httpx/")


async def test_facts_that_come_in_several_answers_are_put_together(wiki: FakeCommons) -> None:
    wiki.facts_per_answer = 7
    pages = await collect(commons(wiki))
    assert ids(pages) == list(range(120))
    assert len(pages) == 3 and len(wiki.requests) == 1 + 8 + 8 + 3


async def test_it_goes_on_from_every_cursor(wiki: FakeCommons) -> None:
    wiki.facts_per_answer = 20
    pages = await collect(commons(wiki))
    for number, page in enumerate(pages):
        cursor = json.loads(json.dumps(page.cursor))
        assert await collect(commons(wiki), cursor) == pages[number + 1 :]


async def test_the_last_cursor_ends_it(wiki: FakeCommons) -> None:
    pages = await collect(commons(wiki))
    wiki.requests.clear()
    assert await collect(commons(wiki), pages[-1].cursor) == []
    assert wiki.requests == []


async def test_provenance_is_plain_text(wiki: FakeCommons) -> None:
    wiki.files = [file(7)]
    found = await only(wiki)
    assert found.name == "Car 7.jpg"
    # a width that Wikimedia serves, and no counting of visits
    assert found.url == "https://thumb.wikimedia.org/wikipedia/commons/thumb/5/57/Car_7.jpg/1280px-Car_7.jpg"
    assert found.sha1 == ""
    assert found.provenance.page == "https://commons.wikimedia.org/wiki/File:Car_7.jpg"
    assert (found.provenance.author, found.provenance.author_url) == (
        "Ann Author",
        "https://en.wikipedia.org/wiki/en:Ann_Author",
    )
    assert found.provenance.licence == "by-sa"
    assert found.provenance.attribution == (
        '"Old car" by Ann Author, https://commons.wikimedia.org/wiki/File:Car_7.jpg, licensed under CC BY-SA 4.0 '
        "(https://creativecommons.org/licenses/by-sa/4.0)"
    )


@pytest.mark.parametrize(
    ("artist", "author", "link"),
    [
        ("Donald Lee Pardue", "Donald Lee Pardue", ""),
        (
            '<b><a href="//commons.wikimedia.org/wiki/User:Tsca">Tomasz S</a></b> '
            '<span style="color:grey"><i>[user: <a href="//commons.wikimedia.org/wiki/User:T">tsca</a>]</i></span>',
            "Tomasz S [user: tsca]",
            "https://commons.wikimedia.org/wiki/User:Tsca",
        ),
        (
            '<a href="//commons.wikimedia.org/w/index.php?title=User:H&amp;action=edit&amp;redlink=1">H501</a>',
            "H501",
            "",
        ),
        (
            '<div class="fn value">\n<a rel="nofollow" href="https://www.flickr.com/people/1@N05">Archives</a></div>',
            "Archives",
            "https://www.flickr.com/people/1@N05",
        ),
        ("Rama &amp; Musée Bolo", "Rama & Musée Bolo", ""),
        ('<span style="display: none;">hidden</span><p>One</p><p>Two</p>', "One Two", ""),
        ("<style>.x{color:red}</style>A<br>B<!-- c -->", "A B", ""),
        ("<a href='/wiki/User:B'>B<", "B<", "https://commons.wikimedia.org/wiki/User:B"),
        # nothing readable: what "Credit" says
        ("<!-- -->", "Own work", ""),
        ("", "Own work", ""),
    ],
)
async def test_authors_in_any_markup(wiki: FakeCommons, artist: str, author: str, link: str) -> None:
    wiki.files = [file(1, Artist=artist)]
    found = await only(wiki)
    assert (found.provenance.author, found.provenance.author_url) == (author, link)


@pytest.mark.parametrize(
    ("facts", "licence"),
    [
        ({"License": "pd", "LicenseShortName": "Public domain", "LicenseUrl": "", "Copyrighted": "False"}, "pd"),
        ({"License": "cc0", "LicenseShortName": "CC0"}, "cc0"),
        ({"License": "", "LicenseShortName": "CC BY-SA 2.0 fr", "LicenseUrl": "", "UsageTerms": ""}, "by-sa"),
        ({"License": "", "LicenseShortName": "GFDL", "LicenseUrl": "//www.gnu.org/copyleft/fdl.html"}, "gfdl"),
        ({"License": "", "LicenseShortName": "FoP-weird", "LicenseUrl": "", "UsageTerms": ""}, ""),
        ({"License": "", "LicenseShortName": "X", "LicenseUrl": "", "UsageTerms": "", "Copyrighted": "False"}, "pd"),
    ],
)
async def test_licences_of_commons(wiki: FakeCommons, facts: dict[str, str], licence: str) -> None:
    wiki.files = [file(1, **facts)]
    assert (await only(wiki)).provenance.licence == licence


async def test_an_author_may_ask_for_another_line(wiki: FakeCommons) -> None:
    wiki.files = [file(1, Attribution='Photograph by <a href="//x">Rama</a>, Wikimedia Commons')]
    found = await only(wiki)
    assert found.provenance.author == "Ann Author"
    assert '"Old car" by Photograph by Rama, Wikimedia Commons, ' in found.provenance.attribution


async def test_originals_bring_their_sha1(wiki: FakeCommons) -> None:
    wiki.files = [file(1)]
    original = await only(wiki, width=0)
    assert original.url == "https://upload.wikimedia.org/wikipedia/commons/5/57/Car_1.jpg"
    assert len(original.sha1) == 40 and "iiurlwidth" not in wiki.requests[-1]
    wiki.files = [file(1, width=850)]
    assert await only(wiki) == original


async def test_what_is_no_picture_of_pixels_is_left_out(wiki: FakeCommons) -> None:
    wiki.files = [file(1, "image/svg+xml"), file(2, "application/pdf"), file(3, "image/vnd.djvu"), file(4), {**file(5)}]
    del wiki.files[4]["mime"]
    assert ids(await collect(commons(wiki))) == [4]


async def test_nothing_found_is_one_empty_page(wiki: FakeCommons) -> None:
    wiki.files = []
    (page,) = await collect(commons(wiki))
    assert page.images == () and page.total == 0


async def test_a_search_ends_at_its_depth(wiki: FakeCommons) -> None:
    wiki.files = [file(number) for number in range(10_100)]
    pages = await collect(
        commons(wiki), {"continue": {"gsroffset": "9900", "continue": "gsroffset||"}, "total": 10_000}
    )
    assert ids(pages) == list(range(9_900, 10_000))
    assert pages[0].total == 10_000


async def test_requests_are_paced(wiki: FakeCommons) -> None:
    source = commons(wiki)
    for query in ("car", "red car", "old car"):
        await collect(source.about(query))
    assert len(wiki.requests) == 12 and most_in(wiki.times, 1.0) == 1


async def test_maxlag_is_waited_for(wiki: FakeCommons) -> None:
    wiki.errors = [("maxlag", {"Retry-After": "5", "X-Database-Lag": "7"})] * 3
    assert ids(await collect(commons(wiki))) == list(range(120))
    waits = [later - sooner for sooner, later in zip(wiki.times[:3], wiki.times[1:4], strict=True)]
    assert all(wait >= 5.0 for wait in waits)


@pytest.mark.parametrize("code", ["maxlag", "ratelimited", "cirrussearch-too-busy-error", "internal_api_error_DBError"])
async def test_passing_errors_are_given_up_in_the_end(wiki: FakeCommons, code: str) -> None:
    wiki.errors = [(code, {})] * 5
    with pytest.raises(Unavailable, match=f"{code}, 5 times"):
        await collect(commons(wiki))
    assert len(wiki.requests) == 5


async def test_other_errors_are_the_readers_business(wiki: FakeCommons) -> None:
    wiki.errors = [("cirrussearch-query-too-long", {})]
    with pytest.raises(InputError, match="cirrussearch-query-too-long"):
        await collect(commons(wiki))
    assert len(wiki.requests) == 1


async def test_a_429_without_json_is_waited_for(wiki: FakeCommons) -> None:
    wiki.troubles.add(
        429, "<!DOCTYPE html>", date="Sat, 28 Nov 2026 08:00:00 GMT", retry_after="Sat, 28 Nov 2026 08:00:40 GMT"
    )
    assert ids(await collect(commons(wiki))) == list(range(120))
    assert wiki.times[1] - wiki.times[0] >= 40.0


async def test_a_long_retry_after_is_a_quota(wiki: FakeCommons) -> None:
    wiki.troubles.add(429, retry_after="900")
    with pytest.raises(QuotaExhausted) as caught:
        await collect(commons(wiki))
    assert caught.value.seconds == 900.0 and len(wiki.requests) == 1


async def test_a_block_names_the_setting(wiki: FakeCommons) -> None:
    source = Commons("car", contact="x", transport=httpx.ASGITransport(wiki.app), sleep=wiki.time.sleep)
    with pytest.raises(InputError, match="WINNOW_CONTACT"):
        await collect(source)
    with pytest.raises(InputError, match="WINNOW_CONTACT"):
        Commons("car")


async def test_arguments_are_checked(wiki: FakeCommons) -> None:
    with pytest.raises(InputError, match="640 pixels wide"):
        commons(wiki, width=640)
    with pytest.raises(InputError, match="a query or a category"):
        commons(wiki, category="Cars")
    with pytest.raises(InputError, match="a query or a category"):
        commons(wiki, query=" ")


@pytest.fixture
def tree(wiki: FakeCommons) -> FakeCommons:
    wiki.categories = {
        "Category:Cars": ([file(number) for number in range(70)], ["Category:Red cars", "Category:Old cars"]),
        "Category:Red cars": ([file(number) for number in range(100, 110)], ["Category:Cars", "Category:Fire engines"]),
        "Category:Old cars": ([file(number) for number in range(200, 255)], []),
        "Category:Fire engines": ([file(300)], []),
    }
    return wiki


async def test_the_files_of_a_category(tree: FakeCommons) -> None:
    pages = await collect(commons(tree, "", category="Cars"))
    assert sorted(ids(pages)) == list(range(70))
    assert [page.total for page in pages] == [70, 70]
    assert {request.get("gcmtype") for request in tree.requests[1:]} == {"file"}


async def test_categories_below_it_each_once(tree: FakeCommons) -> None:
    pages = await collect(commons(tree, "", category="Category:Cars", depth=1))
    assert sorted(ids(pages)) == [*range(70), *range(100, 110), *range(200, 255)]
    deep = await collect(commons(tree, "", category="Cars", depth=5))
    assert sorted(ids(deep)) == [*range(70), *range(100, 110), *range(200, 255), 300]
    for number, page in enumerate(deep):
        cursor = json.loads(json.dumps(page.cursor))
        assert await collect(commons(tree, "", category="Cars", depth=5), cursor) == deep[number + 1 :]


async def test_a_place_that_is_not_known_any_more_starts_the_category_again(tree: FakeCommons) -> None:
    (first, _) = await collect(commons(tree, "", category="Cars"))
    old = {**first.cursor, "continue": {"gcmcontinue": "file|fa|3", "continue": "gcmcontinue||"}}
    tree.forgotten = {"file|fa|3"}
    source = commons(tree, "", category="Cars")
    assert sorted(ids(await collect(source, old))) == list(range(70))
    tree.forgotten |= {"file|00|0"}
    tree.facts_per_answer = 3
    with pytest.raises(Unavailable, match="places that it has just given"):
        await collect(source, old)


async def test_a_category_that_does_not_exist(tree: FakeCommons) -> None:
    with pytest.raises(InputError, match="no Category:Carz"):
        await collect(commons(tree, "", category="Carz"))
