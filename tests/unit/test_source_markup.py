"""Web pages and sitemaps, read: which images, which licence, which links; and markup that was made to do harm."""

import gzip
import time

import pytest

from scraper.sources import markup
from scraper.sources.markup import Entry, Picture, read_page, read_sitemap

URL = "https://example.org/cars/index.html"


def urls(body: str) -> list[str]:
    return [picture.url for picture in read_page(body.encode(), URL).pictures]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<img src="a.jpg">', ["https://example.org/cars/a.jpg"]),
        ('<base href="/pics/"><img src="a.jpg">', ["https://example.org/pics/a.jpg"]),
        ('<img src=" //cdn.example/a b.jpg#top ">', ["https://cdn.example/a b.jpg"]),
        ('<img src="s.jpg" srcset="m.jpg 640w, l.jpg 1280w">', ["https://example.org/cars/l.jpg"]),
        ('<img src="s.jpg" srcset="l.jpg 2x,m.jpg 1.5x">', ["https://example.org/cars/l.jpg"]),
        ('<img src="s.jpg" srcset="/w_1,h_2/l.jpg 900w,\n/w_1,h_2/m.jpg 100w">', ["https://example.org/w_1,h_2/l.jpg"]),
        ('<img src="s.jpg" srcset="l.jpg, m.jpg 0.5x">', ["https://example.org/cars/l.jpg"]),
        ('<img src="data:image/gif;base64,R0lGOD" data-src="a.jpg">', ["https://example.org/cars/a.jpg"]),
        ('<img src="data:image/gif;base64,R0lGOD">', []),
        ('<img src="a.jpg"><img src="./a.jpg#2"><img src="b.jpg">', [URL[:25] + "a.jpg", URL[:25] + "b.jpg"]),
        ('<img src="pixel.gif" width=1 height="1px"><img src="logo.svg"><img src="favicon.ico">', []),
        ('<img src="javascript:alert(1)"><img src="file:///etc/passwd">', []),
        ('<img src="s3://bucket/a.jpg"><img src="ftp://example.org/a.jpg">', []),
        ('<img src="http://[oops"><img><img src="">', []),
        ('<a href="large.jpg"><img src="thumb.jpg"></a>', ["https://example.org/cars/large.jpg"]),
        ('<a href="page.html"><img src="thumb.jpg"></a>', ["https://example.org/cars/thumb.jpg"]),
        ('<meta property="og:image" content="/o.jpg"><meta name="twitter:image" content="/o.jpg">', ["https://example.org/o.jpg"]),
        ('<link rel="image_src" href="/l.jpg"><link rel="icon" href="/i.png">', ["https://example.org/l.jpg"]),
        (
            '<picture><source type="image/avif" srcset="a.avif 2000w"><source srcset="w.webp 800w, w2.webp 1600w">'
            '<img src="f.jpg"></picture>',
            ["https://example.org/cars/w2.webp"],
        ),
        ('<picture><source type="image/avif" srcset="a.avif"><img src="f.jpg"></picture>', ["https://example.org/cars/f.jpg"]),
        ("<noscript><img src=a.jpg></noscript>", ["https://example.org/cars/a.jpg"]),
        ("", []),
        ("<!-- <img src=a.jpg> -->", []),
        ("no markup at all \0\1", []),
    ],
)  # fmt: skip
def test_which_images_a_page_shows(body: str, found: list[str]) -> None:
    assert urls(body) == found


def test_titles_are_what_the_page_says_of_an_image() -> None:
    body = """<img src=1.jpg alt=" A red\n car "><img src=2.jpg title="Blue">
    <a href=3.jpg><img src=t.jpg alt="Green"></a>
    <a href=4.jpg>A yellow car</a><meta property=og:image content=5.jpg><img src=5.jpg alt="Known later">"""
    pictures = read_page(body.encode(), URL).pictures
    assert [one.title for one in pictures] == ["A red car", "Blue", "Green", "A yellow car", "Known later"]


def test_the_licence_is_the_pages_only_one() -> None:
    by = '<a rel="license nofollow" href="https://creativecommons.org/licenses/by-sa/3.0/de/">CC</a>'
    page = read_page(f'<meta name=author content="Ann">{by}<footer>{by}</footer>'.encode(), URL)
    assert (page.licence, page.licence_url) == ("by-sa", "https://creativecommons.org/licenses/by-sa/3.0/de/")
    assert page.author == "Ann"
    other = '<link rel="license" href="https://creativecommons.org/publicdomain/zero/1.0/">'
    page = read_page((by + other).encode(), URL)
    assert (page.licence, page.licence_url) == ("", "")
    page = read_page(b'<a rel=license href="/terms">CC BY 4.0</a>', URL)
    assert (page.licence, page.licence_url) == ("by", "https://example.org/terms")


@pytest.mark.parametrize(
    ("tag", "out", "follow"),
    [
        ('<meta name="robots" content="noindex, nofollow">', True, False),
        ('<META NAME="Robots" CONTENT="NoImageAI">', True, True),
        ('<meta name="winnow" content="none">', True, False),
        ('<meta name="tdm-reservation" content="1">', True, True),
        ('<meta name="tdm-reservation" content="0"><meta name="googlebot" content="noindex">', False, True),
        ('<meta name="robots" content="max-image-preview:large">', False, True),
    ],
)
def test_opt_outs_of_a_page(tag: str, out: bool, follow: bool) -> None:
    page = read_page(f'{tag}<a href="next.html">'.encode(), URL)
    assert bool(page.opted_out) is out
    assert bool(page.links) is follow


def test_links_without_those_that_are_not_to_be_followed() -> None:
    body = '<a href="/a#x"><a href="/a"><a rel="ugc nofollow" href="/b"><a href="mailto:x@y"><area href="c?d=1">'
    assert read_page(body.encode(), URL).links == ("https://example.org/a", "https://example.org/cars/c?d=1")


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<img src=1.jpg alt='Zürich 車'>".encode(), ""),
        ("<img src=1.jpg alt='Zürich 車'>".encode(), "utf-8"),
        ("<meta charset=gb18030><img src=1.jpg alt='Zürich 車'>".encode("gb18030"), ""),
        ("<img src=1.jpg alt='Zürich 車'>".encode("gb18030"), "gb18030"),
        ("<img src=1.jpg alt='Zürich 車'>".encode(), "no-such-charset"),
    ],
)
def test_texts_in_the_pages_encoding(body: bytes, charset: str) -> None:
    (picture,) = read_page(body, URL, charset).pictures
    if charset != "no-such-charset":
        assert picture.title == "Zürich 車"


def test_pages_made_to_do_harm_cost_little_time() -> None:
    evil = [
        b"<div>" * 100_000 + b"<img src=a.jpg>",
        b"<img srcset='" + b"a" * 100_000 + b" z z' src=a.jpg>",
        b"<img srcset='" + b"," * 100_000 + b"'>",
        b"<a href=a.jpg>" * 3_000,
        b"<picture><img src=a.jpg>" * 3_000,
        b'<!DOCTYPE x [<!ENTITY a "' + b"b" * 1_000 + b'">]><p>' + b"&a;" * 20_000,
        b'<!DOCTYPE html SYSTEM "http://127.0.0.1:9/x.dtd"><img src=a.jpg>',
    ]
    for body in evil:
        before = time.process_time()
        assert len(read_page(body, URL).pictures) <= 2
        assert time.process_time() - before < 10


SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
 <!-- cars -->
 <url><loc> https://example.org/1?a=1&amp;b=2 </loc><lastmod>2026-01-01</lastmod>
  <image:image><image:loc>https://cdn.example/1.jpg</image:loc><image:title>A car</image:title>
   <image:license>https://creativecommons.org/licenses/by/4.0/</image:license></image:image>
  <image:image><image:loc>https://cdn.example/2.jpg</image:loc><image:caption>Another</image:caption></image:image>
 </url>
 <url><loc>https://example.org/2</loc></url>
 <url><loc>javascript:alert(1)</loc></url>
</urlset>"""
ENTRIES = [
    Entry(
        "https://example.org/1?a=1&b=2",
        (
            Picture("https://cdn.example/1.jpg", "A car", "https://creativecommons.org/licenses/by/4.0/"),
            Picture("https://cdn.example/2.jpg", "Another"),
        ),
    ),
    Entry("https://example.org/2"),
]


@pytest.mark.parametrize(
    "body",
    [
        SITEMAP.encode(),
        gzip.compress(SITEMAP.encode()),
        b"\xef\xbb\xbf \n" + SITEMAP.partition("?>")[2].encode(),
        SITEMAP.replace(' xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"', "").encode(),
        SITEMAP.replace("</urlset>", "<url><loc>https://example.org/cut").encode(),
    ],
)
def test_a_sitemap(body: bytes) -> None:
    assert list(read_sitemap(body)) == ENTRIES


def test_an_index_and_a_list_of_addresses() -> None:
    index = b"<sitemapindex><sitemap><loc>https://example.org/a.xml</loc></sitemap></sitemapindex>"
    assert list(read_sitemap(index)) == [Entry("https://example.org/a.xml", is_sitemap=True)]
    assert list(read_sitemap(b"\xef\xbb\xbfhttps://example.org/1\r\n\r\nhttps://example.org/2\noops")) == [
        Entry("https://example.org/1"),
        Entry("https://example.org/2"),
    ]


@pytest.mark.parametrize("body", [b"", b"<html><p>Not found</p></html>", b"hello", b"\x1f\x8bxx", b"<", b"\0\0\0"])
def test_what_is_no_sitemap(body: bytes) -> None:
    with pytest.raises(ValueError):
        list(read_sitemap(body))


def test_entities_are_not_expanded_and_nothing_is_loaded() -> None:
    bomb = '<!DOCTYPE u [<!ENTITY a "{}"><!ENTITY b "{}"><!ENTITY f SYSTEM "file:///etc/hostname">]>'.format(
        "x" * 1_000, "&a;" * 1_000
    )
    body = f"{bomb}<urlset><url><loc>https://example.org/{'&b;' * 1_000}&f;</loc></url></urlset>"
    before = time.process_time()
    assert all(len(entry.url) < 100 for entry in read_sitemap(body.encode()))
    assert time.process_time() - before < 10


def test_the_size_of_a_sitemap_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    one = "<url><loc>https://example.org/1</loc></url>"
    body = gzip.compress(f"<urlset>{one * 1_000}</urlset>".encode())
    assert len(list(read_sitemap(body))) == 1_000
    monkeypatch.setattr(markup, "MOST_ENTRIES", 100)
    assert len(list(read_sitemap(body))) == 100
    monkeypatch.setattr(markup, "SITEMAP_BYTES", len(one) * 10)
    assert len(list(read_sitemap(body))) == 9
