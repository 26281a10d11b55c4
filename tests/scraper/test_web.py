"""Web pages and sitemaps as sources: through a fetcher of replies made here, and through the real one."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from scraper.fetch import open_fetcher
from scraper.fetch.pace import LocalPace
from scraper.fetch.protocol import FetchLimits, Reply, Request
from scraper.found import Found
from scraper.outcomes import Outcome, Refused
from scraper.sources import web
from scraper.sources.web import Sitemap, WebPages
from tests.scraper.collecting import assert_resumes, collect, collect_until, data, images
from tests.scraper.fakes.timing import Time

SITE = "https://example.org"


class Replies:
    """A fetcher with a reply for each URL: a page, (content type, bytes), another URL to be led to, or refusals."""

    def __init__(self, replies: dict[str, Any]) -> None:
        self.replies = replies
        self.asked: list[str] = []

    async def fetch(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        self.asked.append(request.url)
        said = self.replies.get(request.url, Refused(Outcome.NOT_FOUND, "404"))
        if isinstance(said, list):
            said = said.pop(0) if len(said) > 1 else said[0]
        if isinstance(said, Refused):
            raise said
        if isinstance(said, str) and said.startswith("https://"):
            return Reply(said, 200, {"content-type": "text/html"}, self.replies[said].encode())
        kind, body = said if isinstance(said, tuple) else ("text/html; charset=utf-8", said.encode())
        return Reply(request.url, 200, {"content-type": kind}, body)

    async def close(self) -> None:
        """Nothing is open."""


def urls(found: list[Found]) -> list[str]:
    return [one.url.removeprefix(SITE) for one in found]


def page(number: int, *links: str) -> str:
    return f'<img src="/{number}.jpg" alt="Car {number}">' + "".join(f'<a href="{link}">' for link in links)


async def test_the_images_of_a_page_with_their_provenance() -> None:
    by = '<a rel=license href="https://creativecommons.org/licenses/by/2.0/">'
    fetcher = Replies({f"{SITE}/cars": f"<meta name=author content=Ann>{page(1, '/next')}{by}"})
    (only,) = await assert_resumes(WebPages(f"{SITE}/cars", fetcher=fetcher))
    (found,) = only.images
    assert (found.url, found.name, found.read) == (f"{SITE}/1.jpg", "1.jpg", None)
    made = found.provenance
    assert (made.source, made.page, made.title, made.author, made.licence) == (
        "web", f"{SITE}/cars", "Car 1", "Ann", "by",
    )  # fmt: skip
    assert made.attribution.startswith('"Car 1" by Ann, https://example.org/cars, licensed under CC BY 2.0')
    assert fetcher.asked == [f"{SITE}/cars"]


@pytest.fixture
def site() -> Replies:
    return Replies(
        {
            f"{SITE}/": page(
                0, "/a", "/b#x", "https://www.example.org/c", "https://elsewhere.example/", "/x.pdf", "/0.png"
            ),
            f"{SITE}/a": page(1, "/", "/a", "/deep", "/gone"),
            f"{SITE}/b": Refused(Outcome.ROBOTS, "robots.txt"),
            "https://www.example.org/c": page(3, "/a"),
            f"{SITE}/deep": page(4, "/deeper"),
            f"{SITE}/deeper": page(5),
        }
    )


@pytest.mark.parametrize(("depth", "found"), [(0, [0]), (1, [0, 1, 3]), (2, [0, 1, 3, 4]), (9, [0, 1, 3, 4, 5])])
async def test_links_of_the_same_site_are_followed_so_deep(
    site: Replies, depth: int, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PAGES_AT_ONCE", 2)
    pages = await assert_resumes(WebPages(f"{SITE}/", fetcher=site, depth=depth))
    shown = [one.name for one in images(pages)]
    assert [name for name in shown if name.endswith(".jpg")] == [f"{number}.jpg" for number in found]
    assert shown.count("0.png") == 1


async def test_the_number_of_pages_is_bounded_and_each_is_read_once(site: Replies) -> None:
    assert len(images(await collect(WebPages(f"{SITE}/", fetcher=site, depth=9, pages=2)))) == 3
    assert site.asked == [f"{SITE}/", f"{SITE}/a"]
    site.asked.clear()
    await collect(WebPages(f"{SITE}/", fetcher=site, depth=9))
    assert len(site.asked) == len(set(site.asked))
    with pytest.raises(InputError, match="10,000"):
        WebPages(f"{SITE}/", fetcher=site, pages=10_001)


async def test_a_redirect_is_followed_and_leads_to_the_site_that_counts() -> None:
    fetcher = Replies(
        {
            f"{SITE}/": "https://cars.example/home/",
            "https://cars.example/home/": '<img src="a.jpg"><a href="away"><a href="/b">',
            "https://cars.example/home/away": "https://elsewhere.example/",
            "https://elsewhere.example/": page(9),
            "https://cars.example/b": page(2),
        }
    )
    found = images(await assert_resumes(WebPages(f"{SITE}/", fetcher=fetcher, depth=1)))
    assert urls(found) == ["https://cars.example/home/a.jpg", "https://cars.example/2.jpg"]


async def test_images_of_a_page_that_opts_out_are_counted_and_never_fetched() -> None:
    fetcher = Replies({f"{SITE}/": '<meta name=robots content="noai, nofollow">' + page(1, "/a"), f"{SITE}/a": page(2)})
    (found,) = images(await collect(WebPages(f"{SITE}/", fetcher=fetcher, depth=3)))
    with pytest.raises(Refused, match="noai") as refused:
        data(found)
    assert refused.value.outcome is Outcome.OPTED_OUT
    (found,) = images(await collect(WebPages(f"{SITE}/", fetcher=fetcher, opt_outs=False)))
    assert found.read is None


async def test_an_image_instead_of_a_page_and_what_is_no_page() -> None:
    fetcher = Replies({f"{SITE}/": ("image/jpeg", b"\xff\xd8"), f"{SITE}/x": ("application/zip", b"PK")})
    assert urls(images(await collect(WebPages(f"{SITE}/", fetcher=fetcher)))) == ["/"]
    with pytest.raises(InputError, match="application/zip"):
        await collect(WebPages(f"{SITE}/x", fetcher=fetcher))
    for wrong in ("example.org", "file:///etc/passwd", "", "http://"):
        with pytest.raises(InputError, match="address"):
            WebPages(wrong, fetcher=fetcher)


@pytest.mark.parametrize("source", [WebPages, Sitemap])
@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (Refused(Outcome.NOT_FOUND), InputError),
        (Refused(Outcome.ROBOTS), InputError),
        (Refused(Outcome.FORBIDDEN_ADDRESS), InputError),
        (Refused(Outcome.SERVER_ERROR), Unavailable),
        (Refused(Outcome.RATE_LIMITED, retry_after=3_600.0), QuotaExhausted),
        (Refused(Outcome.RATE_LIMITED, retry_after=50.0, asked=False), QuotaExhausted),
    ],
)
async def test_a_first_page_that_cannot_be_read(source: Any, refused: Refused, error: type[Exception]) -> None:
    time = Time()
    with pytest.raises(error) as raised:
        await collect(source(f"{SITE}/", fetcher=Replies({f"{SITE}/": refused}), sleep=time.sleep))
    assert type(raised.value) is error
    assert sum(time.slept) <= 120


async def test_a_host_that_is_busy_is_waited_for() -> None:
    busy = [Refused(Outcome.RATE_LIMITED, retry_after=7.0, asked=False)] * 9
    time = Time()
    fetcher = Replies({f"{SITE}/": [*busy, Refused(Outcome.TIMEOUT), page(1)]})
    assert len(images(await collect(WebPages(f"{SITE}/", fetcher=fetcher, sleep=time.sleep)))) == 1
    assert time.slept == [7.0] * 9 + [2.0]


async def test_a_pause_in_the_middle_comes_after_what_was_read(site: Replies) -> None:
    site.replies[f"{SITE}/a"] = [Refused(Outcome.RATE_LIMITED, retry_after=600.0), page(1)]
    source = WebPages(f"{SITE}/", fetcher=site, depth=1, sleep=Time().sleep)
    pages, said = await collect_until(source, QuotaExhausted)
    assert urls(images(pages)) == ["/0.jpg", "/0.png"] and "600 s" in said
    rest = await collect(source, pages[-1].cursor)
    assert urls(images(rest)) == ["/1.jpg", "https://www.example.org/3.jpg"]


# sitemaps


def sitemap(*entries: str) -> tuple[str, bytes]:
    return "application/xml", f"<urlset>{''.join(entries)}</urlset>".encode()


def entry(url: str, *pictures: str) -> str:
    return f"<url><loc>{url}</loc>{''.join(f'<image><loc>{one}</loc></image>' for one in pictures)}</url>"


def index(*maps: str) -> tuple[str, bytes]:
    inside = "".join(f"<sitemap><loc>{one}</loc></sitemap>" for one in maps)
    return "application/xml", f"<sitemapindex>{inside}</sitemapindex>".encode()


@pytest.fixture
def mapped() -> Replies:
    first = [entry(f"{SITE}/{number}", f"https://cdn.example/{number}.jpg") for number in range(7)]
    return Replies(
        {
            f"{SITE}/sitemap.xml": index(f"{SITE}/1.xml", f"{SITE}/gone.xml", f"{SITE}/2.xml", f"{SITE}/sitemap.xml"),
            f"{SITE}/1.xml": sitemap(*first),
            f"{SITE}/2.xml": sitemap(
                entry(f"{SITE}/picture.png"),
                entry(f"{SITE}/page"),
                entry(f"{SITE}/missing"),
                entry("https://elsewhere.example/page"),
                entry(f"{SITE}/brochure.pdf"),
                entry(f"{SITE}/page2"),
            ),
            f"{SITE}/page": page(100),
            f"{SITE}/page2": page(101, "/more"),
        }
    )


async def test_all_images_of_a_sitemap_and_from_every_cursor_on(
    mapped: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PAGE_IMAGES", 3)
    pages = await assert_resumes(Sitemap(f"{SITE}/sitemap.xml", fetcher=mapped))
    found = images(pages)
    listed = [f"https://cdn.example/{number}.jpg" for number in range(7)]
    assert urls(found) == [*listed, "/picture.png", "/100.jpg", "/101.jpg"]
    assert max(len(page.images) for page in pages) == 3
    assert (found[0].provenance.source, found[0].provenance.page) == ("sitemap", f"{SITE}/0")
    assert found[8].provenance.page == f"{SITE}/page"


async def test_the_pages_of_a_sitemap_are_bounded(mapped: Replies) -> None:
    for most, last in ((0, ["/picture.png"]), (1, ["/picture.png", "/100.jpg"])):
        found = images(await assert_resumes(Sitemap(f"{SITE}/sitemap.xml", fetcher=mapped, pages=most)))
        assert urls(found)[7:] == last


async def test_an_index_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MOST_SITEMAPS", 50)

    class Endless(Replies):
        async def fetch(self, request: Request) -> Reply:
            self.asked.append(request.url)
            _, body = index(*(f"{request.url}{letter}" for letter in "abc"))
            return Reply(request.url, 200, {"content-type": "text/xml"}, body)

    fetcher = Endless({})
    await collect(Sitemap(f"{SITE}/", fetcher=fetcher))
    assert len(fetcher.asked) == 1 + 3 + 9 + 27
    monkeypatch.setattr(web, "DEEPEST_SITEMAP", 99)
    fetcher.asked.clear()
    await collect(Sitemap(f"{SITE}/", fetcher=fetcher))
    assert len(fetcher.asked) == 50


async def test_what_is_no_sitemap_is_refused_but_not_in_the_middle_of_an_index(mapped: Replies) -> None:
    with pytest.raises(InputError, match="no sitemap: it is <img>"):
        await collect(Sitemap(f"{SITE}/page", fetcher=mapped))
    mapped.replies[f"{SITE}/1.xml"] = "<html>"
    assert len(images(await collect(Sitemap(f"{SITE}/sitemap.xml", fetcher=mapped)))) == 3


# the real fetcher


class Handler(BaseHTTPRequestHandler):
    """A site with a robots.txt, a page and a redirect to a forbidden address."""

    def do_GET(self) -> None:
        body = {
            "/robots.txt": b"User-agent: *\nDisallow: /private",
            "/": b'<img src="/1.jpg"><a href="/private"></a><a href="/metadata"></a><a href="/b"></a>',
            "/b": b'<img src="/2.jpg">',
            "/private": b'<img src="/3.jpg">',
        }.get(self.path)
        if self.path == "/metadata":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/")
        else:
            self.send_response(200 if body is not None else 404)
        body = body or b""
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_robots_and_forbidden_addresses_hold_for_pages_too(served: str) -> None:
    fetcher = open_fetcher(FetchLimits(networks=("127.0.0.0/8",), total=5.0), LocalPace(0.0))
    try:
        found = images(await assert_resumes(WebPages(served, fetcher=fetcher, depth=1)))
    finally:
        await fetcher.close()
    assert [one.url for one in found] == [f"{served}/1.jpg", f"{served}/2.jpg"]
    guarded = open_fetcher(FetchLimits(), LocalPace(0.0))
    try:
        with pytest.raises(InputError, match="forbidden"):
            await collect(WebPages(served, fetcher=guarded))
    finally:
        await guarded.close()
