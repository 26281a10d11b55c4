"""What a web page or a sitemap says: images, links, licence. Bytes in, values out; nothing is loaded on the way."""

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from lxml import etree, html

from scraper import licences
from scraper.fetch.consent import OPT_OUTS
from scraper.sources import fields, folder

HTML_BYTES = 10 * 1024 * 1024
"""So much of a page is looked at."""
SITEMAP_BYTES = 50 * 1024 * 1024
"""So large may a sitemap be, unpacked, by its protocol; what is behind that is not looked at."""
MOST_ENTRIES = 50_000
"""So many entries may a sitemap have, by its protocol."""
MOST_IMAGES = 10_000

_SMALL = 2
"""An image whose page gives it a side of so few pixels counts visitors and shows nothing."""
_NEVER = (".svg", ".svgz", ".ico", ".cur")
_UNREADABLE = ("image/svg+xml", "image/avif", "image/heic", "image/heif", "image/jxl")
_LAZY = ("data-src", "data-original", "data-lazy-src")
_LAZY_SETS = ("data-srcset", "data-lazy-srcset")
_PREVIEWS = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"})
_ADDRESS = re.compile(r"[\s,]*(\S+)")
_DESCRIPTOR = re.compile(r"(\d+(?:\.\d+)?)([wx])(?:\s+\d+h)?")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that a page shows or links to."""

    url: str
    title: str = ""
    licence_url: str = ""


@dataclass(frozen=True, slots=True)
class WebPage:
    """What a page says. ``opted_out`` is the directive by which it keeps its images to itself, if there is one."""

    pictures: tuple[Picture, ...]
    links: tuple[str, ...]
    licence: str
    licence_url: str
    author: str
    opted_out: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a sitemap: a page with the images that are named for it, or another sitemap."""

    url: str
    pictures: tuple[Picture, ...] = ()
    is_sitemap: bool = False


def read_page(body: bytes, url: str, charset: str = "") -> WebPage:
    """Read an HTML page that came from ``url``; ``charset`` is what its server says."""
    body = body[:HTML_BYTES]
    document = _parsed(body, charset)
    return _Reading(html.document_fromstring("<html/>") if document is None else document, url).page()


def _parsed(body: bytes, charset: str) -> Any:
    try:
        body.decode("utf-8")
        unsaid: str | None = "utf-8"
    except UnicodeDecodeError:
        unsaid = None
    for encoding in dict.fromkeys((charset or unsaid, None)):
        try:
            parser = html.HTMLParser(encoding=encoding, no_network=True, remove_comments=True, remove_pis=True)
            return html.document_fromstring(body, parser=parser)
        except LookupError:  # an encoding that nobody knows
            continue
        except (etree.LxmlError, ValueError):
            return None
    return None


class _Reading:
    """One pass through a document. Pictures come in its order, each address once."""

    def __init__(self, document: Any, url: str) -> None:
        self._document = document
        base = next((one.get("href") for one in document.iter("base") if one.get("href")), "")
        self._base = resolved(url, base) or url
        self._pictures: dict[str, Picture] = {}
        self._links: dict[str, None] = {}
        self._licences: dict[str, str] = {}
        self._author = ""
        self._opted_out = ""
        self._follow = True
        self._done: set[Any] = set()

    def page(self) -> WebPage:
        """Go through the document."""
        visit = {
            "meta": self._meta,
            "link": self._link,
            "a": self._anchor,
            "area": self._anchor,
            "picture": self._picture,
            "img": self._image,
        }
        for element in self._document.iter(*visit):
            if element not in self._done:
                visit[element.tag](element)
        url, text = next(iter(self._licences.items())) if len(self._licences) == 1 else ("", "")
        return WebPage(
            pictures=tuple(self._pictures.values()),
            links=tuple(self._links) if self._follow else (),
            licence=licences.normalise(url, text),
            licence_url=url,
            author=self._author,
            opted_out=self._opted_out,
        )

    def _meta(self, element: Any) -> None:
        name = (element.get("property") or element.get("name") or "").strip().lower()
        content = (element.get("content") or "").strip()
        if name in _PREVIEWS:
            self._add(content)
        elif name == "author":
            self._author = self._author or fields.text(content)
        elif name in {"robots", "winnow"}:
            said = {part.strip() for part in content.lower().split(",")}
            self._follow &= not said & {"nofollow", "none"}
            if said & OPT_OUTS:
                self._opted_out = f"meta {name}: {min(said & OPT_OUTS)}"
        elif name == "tdm-reservation" and content == "1":
            self._opted_out = "meta tdm-reservation: 1"

    def _link(self, element: Any) -> None:
        rel = _words(element.get("rel"))
        if "license" in rel:
            self._licence(element)
        elif "image_src" in rel:
            self._add(element.get("href"))

    def _anchor(self, element: Any) -> None:
        rel = _words(element.get("rel"))
        if "license" in rel:
            self._licence(element)
            return
        url = resolved(self._base, element.get("href"))
        if _path(url).endswith(tuple(folder.EXTENSIONS)):
            # what is shown inside is its thumbnail
            shown = list(element.iter("img"))
            self._done.update(element.iter("img", "picture"))
            alt = next((_title(one) for one in shown if _title(one)), "")
            self._add(url, alt or element.text_content() or element.get("title"))
        elif url and "nofollow" not in rel:
            self._links.setdefault(url)

    def _picture(self, element: Any) -> None:
        """Sources of a picture are the same picture; the largest that can be read counts."""
        images = list(element.iter("img"))
        self._done.update(images)
        readable = [one for one in element.iter("source") if (one.get("type") or "").lower() not in _UNREADABLE]
        candidates = [one for source in (*readable, *images) for one in _candidates(source)]
        self._largest(candidates, next((_title(image) for image in images), ""))

    def _image(self, element: Any) -> None:
        if not any(_pixels(element.get(side)) <= _SMALL for side in ("width", "height")):
            self._largest(list(_candidates(element)), _title(element))

    def _largest(self, candidates: list[tuple[float, str]], title: str) -> None:
        usable = [(size, url) for size, address in candidates if (url := resolved(self._base, address))]
        usable = [(size, url) for size, url in usable if not _path(url).endswith(_NEVER)]
        if usable:
            self._add(max(usable, key=lambda one: one[0])[1], title)

    def _add(self, address: str | None, title: str | None = "") -> None:
        url = resolved(self._base, address)
        if not url or _path(url).endswith(_NEVER) or len(self._pictures) >= MOST_IMAGES:
            return
        known = self._pictures.get(url)
        if known is None or not known.title:
            self._pictures[url] = Picture(url, fields.text(title or ""))

    def _licence(self, element: Any) -> None:
        url = resolved(self._base, element.get("href"))
        if url:
            self._licences.setdefault(url, fields.text(element.text_content()))


def _candidates(element: Any) -> Iterator[tuple[float, str]]:
    """Give (size, address) of what an img or source offers; a plain ``src`` is the smallest."""
    for name in ("srcset", *_LAZY_SETS):
        yield from _srcset(element.get(name) or "")
    if element.tag == "img":
        for name in (*_LAZY, "src"):
            if element.get(name):
                yield 0.0, element.get(name)


def _srcset(text: str) -> Iterator[tuple[float, str]]:
    """Split as the standard says: an address may hold commas, but not end with one."""
    place = 0
    while match := _ADDRESS.match(text, place):
        address, place = match[1], match.end()
        descriptor = ""
        if not address.endswith(","):
            end = text.find(",", place)
            descriptor = text[place : end if end >= 0 else len(text)].strip()
            place = end + 1 if end >= 0 else len(text)
        said = _DESCRIPTOR.fullmatch(descriptor)
        # widths are pixels, densities multiples: never mixed in one set, and a width says more
        size = float(said[1]) * (1.0 if said[2] == "w" else 0.01) if said else 0.01
        yield size, address.rstrip(",")


def resolved(base: str, address: str | None) -> str:
    """Return an http or https address without its fragment; empty for any other."""
    plain = re.sub(r"[\t\n\r]", "", (address or "").strip())
    if not plain:
        return ""
    try:
        url = urldefrag(urljoin(base, plain)).url
        return url if urlsplit(url).hostname and fields.web_address(url.replace(" ", "%20")) else ""
    except ValueError:
        return ""


def _path(url: str) -> str:
    return urlsplit(url).path.lower()


def _title(element: Any) -> str:
    return fields.text(element.get("alt") or element.get("title") or "")


def _words(value: str | None) -> set[str]:
    return set((value or "").lower().split())


def _pixels(value: str | None) -> float:
    match = re.fullmatch(r"\s*(\d{1,6})\s*(?:px)?\s*", value or "")
    return float(match[1]) if match else float("inf")


# sitemaps


def read_sitemap(body: bytes) -> Iterator[Entry]:
    """Give the entries of a sitemap or an index of sitemaps, XML or plain text, gzip or not.

    Raises ``ValueError`` for what is none; a damaged one gives what is before the damage.
    """
    body = _unpacked(body)
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    entries = _xml_entries(body) if start.startswith(b"<") else _text_entries(body)
    for number, entry in enumerate(entries):
        if number >= MOST_ENTRIES:
            return
        yield entry


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body[:SITEMAP_BYTES]
    try:
        return zlib.decompressobj(31).decompress(body, SITEMAP_BYTES)
    except zlib.error as error:
        raise ValueError(f"broken compression: {error}") from error


def _text_entries(body: bytes) -> Iterator[Entry]:
    lines = (line.strip() for line in body.decode("utf-8-sig", "replace").splitlines())
    urls = [line for line in lines if line]
    if not urls or not fields.web_address(urls[0]):
        raise ValueError("not XML, and no list of addresses")
    for url in urls:
        if fields.web_address(url):
            yield Entry(url)


def _xml_entries(body: bytes) -> Iterator[Entry]:
    events = etree.iterparse(
        io.BytesIO(body),
        events=("start", "end"),
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root = entry = None
    try:
        for event, element in events:
            if event == "start":
                if root is None:
                    root = element
                    _check_root(_local(element))
                elif entry is not None:
                    yield entry
                    entry = None
            elif element.getparent() is root and root is not None:
                entry = _entry(element)
                element.clear()  # or the whole document would grow
                while element.getprevious() is not None:
                    del root[0]
    except etree.LxmlError:
        pass
    if root is None:
        raise ValueError("it is empty")
    # the last one may have been cut off in the middle of its address
    if entry is not None and not any(error.level == etree.ErrorLevels.FATAL for error in events.error_log):
        yield entry


def _check_root(name: str) -> None:
    if name not in {"urlset", "sitemapindex"}:
        raise ValueError(f"it is <{name}>, not <urlset> or <sitemapindex>")


def _entry(element: Any) -> Entry | None:
    url = ""
    pictures = []
    for child in element:
        name = _local(child)
        if name == "loc":
            url = url or resolved("", child.text)
        elif name == "image":
            said = {_local(part): part.text or "" for part in child}
            address = resolved("", said.get("loc"))
            if address:
                title = fields.text(said.get("title") or said.get("caption") or "")
                pictures.append(Picture(address, title, fields.web_address(said.get("license"))))
    if not url and not pictures:
        return None
    return Entry(url, tuple(pictures[:MOST_IMAGES]), _local(element) == "sitemap")


def _local(element: Any) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""
