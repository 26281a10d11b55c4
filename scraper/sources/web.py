"""Images of web pages, of the pages of a site, and of sitemaps. Every request goes through the fetcher."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from scraper import licences
from scraper.fetch.protocol import Fetcher, Reply, Request
from scraper.found import Cursor, Found, Page, Provenance
from scraper.outcomes import Outcome, Refused
from scraper.sources import folder
from scraper.sources.at_hand import PAGE_IMAGES, harmless, held
from scraper.sources.markup import Entry, Picture, read_page, read_sitemap, resolved

PAGES_AT_ONCE = 10
"""A page of images is given after so many web pages, or earlier when it is full."""
MOST_PAGES = 10_000
"""Of a site: the cursor names every page of it."""
MOST_SITEMAPS = 1_000
DEEPEST_SITEMAP = 3

_ATTEMPTS = 4
_PATIENCE = 120.0
"""Seconds. A site that asks for a longer pause is left alone, and asked again later."""
_LONGEST_LINK = 500
_ACCEPT = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.5"}
_NO_PAGES = (
    *(".pdf", ".zip", ".gz", ".tar", ".7z", ".rar", ".exe", ".dmg", ".iso", ".apk", ".css", ".js", ".json", ".xml"),
    *(".mp3", ".mp4", ".webm", ".mov", ".avi", ".mkv", ".ogg", ".wav", ".flac", ".woff", ".woff2", ".svg", ".ico"),
    *(".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".csv", ".txt", ".epub", ".rss", ".atom"),
)

Sleep = Callable[[float], Awaitable[None]]


class WebPages:
    """The images of a page; with ``depth``, also those of the pages of the same site that are so many links away.

    An image counts once a page: the largest of its ``srcset``, what a thumbnail links to, the page's preview image.
    Its licence is the page's ``rel=license``, if there is one only. A page that opts out (``robots`` or
    ``tdm-reservation``) gives its images as opted out, unless ``opt_outs`` is false. At most ``pages`` pages are read.

    Raises ``InputError`` for a first page that cannot be read, ``Unavailable`` where that may pass. Other pages that
    cannot be read are left out.
    """

    def __init__(
        self,
        url: str,
        *,
        fetcher: Fetcher,
        depth: int = 0,
        pages: int = 1_000,
        opt_outs: bool = True,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._url = _checked(url)
        self._visitor = _Visitor(fetcher, opt_outs, "web", sleep)
        self._depth = depth
        self._pages = _bounded(pages)

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        site = _Site.after(cursor) if cursor else _Site([(self._url, 0)])
        while site.done < len(site.listed):
            images: list[Found] = []
            before, stopped = site.done, None
            while site.done < min(before + PAGES_AT_ONCE, len(site.listed)) and len(images) < PAGE_IMAGES:
                try:
                    images += await self._next(site)
                except Unavailable as error:
                    stopped = error
                    break
            if site.done > before:
                yield Page(tuple(images), site.cursor())
            if stopped is not None:
                raise stopped

    async def _next(self, site: "_Site") -> list[Found]:
        url, depth = site.listed[site.done]
        visit = await self._visitor.visit(url, needed=site.done == 0)
        site.done += 1
        if visit is None:
            return []
        site.name = site.name or _site(visit.url)
        if _site(visit.url) != site.name:
            return []
        if depth < self._depth:
            site.add(visit.links, depth + 1, self._pages)
        return visit.images


@dataclass
class _Site:
    """The pages of a site in the order in which they were found, with their depths; the first ``done`` are read."""

    listed: list[tuple[str, int]]
    done: int = 0
    name: str = ""
    known: set[str] = field(default_factory=set)

    @classmethod
    def after(cls, cursor: Cursor) -> "_Site":
        listed = [(str(url), int(depth)) for url, depth in cursor["pages"]]
        return cls(listed, cursor["done"], cursor["site"])

    def __post_init__(self) -> None:
        self.known = {url for url, _ in self.listed}

    def cursor(self) -> Cursor:
        return {"pages": [list(one) for one in self.listed], "done": self.done, "site": self.name}

    def add(self, links: Iterable[str], depth: int, most: int) -> None:
        for url in links:
            if len(self.listed) >= most:
                return
            if url not in self.known and _site(url) == self.name and _may_be_page(url):
                self.known.add(url)
                self.listed.append((url, depth))


class Sitemap:
    """The images that a sitemap lists, and those of the pages that it lists without images.

    ``pages`` bounds how many pages are read for that; 0 reads none. An index leads to its sitemaps, up to
    ``MOST_SITEMAPS`` of them. Pages of another site are left out; images may lie anywhere.

    Raises ``InputError`` for what is no sitemap, ``Unavailable`` where asking again may help.
    """

    def __init__(
        self,
        url: str,
        *,
        fetcher: Fetcher,
        pages: int = 1_000,
        opt_outs: bool = True,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._url = _checked(url)
        self._visitor = _Visitor(fetcher, opt_outs, "sitemap", sleep)
        self._pages = pages

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        maps: list[tuple[str, int]] = [(url, depth) for url, depth in cursor["maps"]] if cursor else [(self._url, 0)]
        first: int = cursor["map"] if cursor else 0
        skipped: int = cursor["entry"] if cursor else 0
        pages: int = cursor["pages"] if cursor else 0
        for number in itertools.count(first):
            if number >= len(maps):
                return
            url, depth = maps[number]
            entries = await self._entries(url, needed=number == 0)
            entry = skipped
            for batch in _batches(entries[skipped:]):
                images: list[Found] = []
                for one in batch:
                    if one.is_sitemap:
                        _add_sitemap(maps, one.url, depth + 1)
                    elif self._wants(one) and pages < self._pages:
                        pages += 1
                        visit = await self._visitor.visit(one.url)
                        images += visit.images if visit else []
                    else:
                        images += _listed(one)
                entry += len(batch)
                yield Page(tuple(images), {"maps": [*map(list, maps)], "map": number, "entry": entry, "pages": pages})
            skipped = 0

    def _wants(self, entry: Entry) -> bool:
        page = not entry.pictures and not _is_image(entry.url) and _may_be_page(entry.url)
        return page and _site(entry.url) == _site(self._url)

    async def _entries(self, url: str, needed: bool) -> Sequence[Entry]:
        reply = await self._visitor.get(url, needed)
        if reply is None:
            return ()
        try:
            return await asyncio.to_thread(lambda: list(read_sitemap(reply.body)))
        except ValueError as error:
            if not needed:
                return ()
            raise InputError(
                f"{url} is no sitemap: {error}.", "Give the address of a sitemap or of an index."
            ) from error


def _add_sitemap(maps: list[tuple[str, int]], url: str, depth: int) -> None:
    known = any(url == one for one, _ in maps)
    if url and not known and depth <= DEEPEST_SITEMAP and len(maps) < MOST_SITEMAPS:
        maps.append((url, depth))


def _batches(entries: Sequence[Entry]) -> Iterable[list[Entry]]:
    """Give entries in batches that may cost ``PAGES_AT_ONCE`` visits, or bring ``PAGE_IMAGES`` images."""
    batch: list[Entry] = []
    visits = images = 0
    for entry in entries:
        batch.append(entry)
        images += len(entry.pictures)
        visits += not (entry.pictures or entry.is_sitemap or _is_image(entry.url))
        if visits >= PAGES_AT_ONCE or images >= PAGE_IMAGES or len(batch) >= PAGE_IMAGES:
            yield batch
            batch, visits, images = [], 0, 0
    if batch:
        yield batch


def _listed(entry: Entry) -> list[Found]:
    pictures = entry.pictures or ((Picture(entry.url),) if _is_image(entry.url) else ())
    page = entry.url if entry.pictures else ""
    return [_found(one, "sitemap", page, licences.normalise(one.licence_url), one.licence_url) for one in pictures]


@dataclass(frozen=True, slots=True)
class _Visit:
    """A page that was read; ``url`` is where redirects have led."""

    url: str
    images: list[Found]
    links: tuple[str, ...] = ()


class _Visitor:
    """Reads pages through the fetcher, as patiently as their hosts want it."""

    def __init__(self, fetcher: Fetcher, opt_outs: bool, source: str, sleep: Sleep) -> None:
        self._fetcher = fetcher
        self._opt_outs = opt_outs
        self._source = source
        self._sleep = sleep

    async def visit(self, url: str, needed: bool = False) -> _Visit | None:
        """Read a page; ``None`` for one that is not needed and cannot be read."""
        reply = await self.get(url, needed)
        if reply is None:
            return None
        kind, charset = _content_type(reply.headers)
        if kind.startswith("image/"):
            return _Visit(reply.url, [_found(Picture(reply.url), self._source, "")])
        if kind not in {"", "text/html", "application/xhtml+xml"}:
            if needed:
                raise InputError(f"{url} is no web page ({kind}).", "Give the address of a page.")
            return None
        page = await asyncio.to_thread(read_page, reply.body, reply.url, charset)
        said = (reply.url, page.licence, page.licence_url, page.author)
        out = page.opted_out if self._opt_outs else ""
        images = [_found(picture, self._source, *said, opted_out=out) for picture in page.pictures]
        return _Visit(reply.url, images, page.links)

    async def get(self, url: str, needed: bool) -> Reply | None:
        """Get a page, waiting for its host's turn, and again after what may pass.

        Raises ``QuotaExhausted`` where that takes too long. A page that is ``needed`` and cannot be had is an
        ``InputError`` or ``Unavailable``.
        """
        waited, attempt = 0.0, 0
        while True:
            try:
                return await self._fetcher.fetch(Request(url, headers=_ACCEPT))
            except Refused as refused:
                attempt += refused.asked
                if not refused.outcome.passing or attempt >= _ATTEMPTS:
                    if not needed:
                        return None
                    raise _said(url, refused) from refused
                pause = refused.retry_after if refused.retry_after is not None else 2.0**attempt
                if waited + pause > _PATIENCE:
                    host = urlsplit(url).netloc
                    raise QuotaExhausted(
                        f"{host} wants no more requests for {pause:,.0f} s.", "It goes on after that.", seconds=pause
                    ) from refused
            waited += pause
            await self._sleep(pause)


def _said(url: str, refused: Refused) -> Exception:
    if refused.outcome.passing:
        return Unavailable(f"{url} cannot be read ({refused}).", "It is asked again later.")
    hint = "The site does not want it." if refused.outcome in {Outcome.ROBOTS, Outcome.OPTED_OUT} else ""
    return InputError(f"{url} cannot be read ({refused}).", hint or "Check the address.")


def _found(
    picture: Picture,
    source: str,
    page: str,
    licence: str = "",
    licence_url: str = "",
    author: str = "",
    opted_out: str = "",
) -> Found:
    made = Provenance(
        source=source,
        source_id=picture.url,
        page=page,
        title=picture.title,
        author=author,
        licence=licence,
        licence_url=licence_url,
    )
    name = harmless(urlsplit(picture.url).path.rstrip("/").rpartition("/")[2] or picture.url)
    # an image that its page keeps to itself is never asked for, and counted
    read = held(Refused(Outcome.OPTED_OUT, f"its page says {opted_out}")) if opted_out else None
    return Found(picture.url, name, licences.attributed(made) if page or licence else made, read)


def _checked(url: str) -> str:
    plain = resolved("", url)
    if not plain:
        raise InputError(f"'{url}' is no address of a page.", "It begins with https:// or http://.")
    return plain


def _bounded(pages: int) -> int:
    if pages > MOST_PAGES:
        raise InputError(f"{pages:,} pages are too many.", f"At most {MOST_PAGES:,} pages of a site are read.")
    return pages


def _site(url: str) -> str:
    """Return the host and port; www.example.org and example.org are the same site."""
    return urlsplit(url).netloc.rpartition("@")[2].lower().removeprefix("www.")


def _is_image(url: str) -> bool:
    return urlsplit(url).path.lower().endswith(tuple(folder.EXTENSIONS))


def _may_be_page(url: str) -> bool:
    return len(url) <= _LONGEST_LINK and not _is_image(url) and not urlsplit(url).path.lower().endswith(_NO_PAGES)


def _content_type(headers: Mapping[str, Any]) -> tuple[str, str]:
    kind, _, rest = str(headers.get("content-type", "")).lower().partition(";")
    match = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", rest)
    return kind.strip(), match[1] if match else ""
