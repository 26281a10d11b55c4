"""Images of Wikimedia Commons: those that its search finds, or those of a category and of the categories below it.

Built from the published Action API: one request at a time, ``maxlag``, a user agent with a contact of whoever runs it
(without one Wikimedia slows requests down or blocks them), 50 files a request, 10,000 results of a search. Commons has
no filter for licences; an image whose licence is not wanted is turned away, and counted, at intake.
"""

import asyncio
import contextlib
import copy
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx
from lxml import html
from lxml.etree import ParserError

from active_learning.domain.errors import InputError, Unavailable
from scraper import licences
from scraper.found import Cursor, Found, Page, Provenance
from scraper.sources.api import Api, Clock, Connection, Sleep

BASE_URL = "https://commons.wikimedia.org"
SEARCH_DEPTH = 10_000
"""Results of a search, beyond which Commons gives none."""
WIDTHS = (120, 250, 330, 500, 960, 1280, 1920, 3840)
"""Widths in pixels in which Wikimedia serves images; others are refused."""
TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff"})

MOST_CATEGORIES = 2_000
"""Categories of one walk: their names are in the cursor, and most trees of Commons have no natural end."""

_FIELDS = "LicenseShortName|License|LicenseUrl|UsageTerms|Artist|Attribution|Credit|Copyrighted|ObjectName"
_PASSING = frozenset({"maxlag", "ratelimited", "readonly", "cirrussearch-too-busy-error", "internal_api_error"})


class Commons:
    """Images that Commons finds for ``query``, or the files of ``category`` down to ``depth`` categories below it.

    ``contact`` (an address or a page of whoever runs this) is needed. ``width`` in pixels is one of ``WIDTHS``, for
    images that are wider; 0 asks for the originals, which often have tens of megabytes.
    """

    def __init__(
        self,
        query: str = "",
        *,
        category: str = "",
        depth: int = 0,
        contact: str = "",
        width: int = 1280,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if bool(query.strip()) == bool(category.strip()):
            raise InputError("Commons needs a query or a category, one of them.", "Such as --query car.")
        if not contact:
            raise InputError(
                "Wikimedia wants to know whom to write to.", "Set WINNOW_CONTACT to your address or a page about you."
            )
        if width and width not in WIDTHS:
            raise InputError(
                f"Wikimedia does not serve images {width} pixels wide.",
                f"Choose 0 (the originals) or one of {', '.join(map(str, WIDTHS))}.",
            )
        self._query = " ".join(query.split())
        self._category = "Category:" + " ".join(category.split()).removeprefix("Category:") if category else ""
        self._depth = depth
        self._width = width
        self._api = Api(
            "Wikimedia Commons",
            base_url,
            contact=contact,
            per_minute=60,
            transport=transport,
            sleep=sleep,
            clock=clock,
            jitter=jitter,
        )

    def about(self, query: str) -> "Commons":
        """Return the same source for another query, with the same pace."""
        other = copy.copy(self)
        other._query, other._category = " ".join(query.split()), ""
        return other

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        async with self._api.connected() as connection:
            walk = self._categories(connection, cursor) if self._category else self._search(connection, cursor)
            async with contextlib.aclosing(walk) as pages:
                async for page in pages:
                    yield page

    async def _search(self, connection: Connection, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor and not cursor["continue"]:
            return
        generator = {
            "generator": "search",
            "gsrsearch": f"{self._query} filetype:bitmap",
            "gsrnamespace": "6",
            "gsrlimit": "50",
        }
        total = int(cursor["total"]) if cursor else await self._hits(connection, generator["gsrsearch"])
        onward = dict(cursor["continue"]) if cursor else {}
        while True:
            pages, after = await self._files(connection, generator, onward)
            ranked = sorted(pages.values(), key=lambda page: int(page.get("index", 0)))
            yield Page(_images(ranked), {"continue": after, "total": total}, total)
            if not after:
                return
            onward = after

    async def _hits(self, connection: Connection, search: str) -> int:
        """Return how many results a search has: an answer with a generator does not tell."""
        body = await self._ask(
            connection,
            {"list": "search", "srsearch": search, "srnamespace": "6", "srlimit": "1", "srinfo": "totalhits"},
        )
        return min(int(body.get("query", {}).get("searchinfo", {}).get("totalhits", 0)), SEARCH_DEPTH)

    async def _categories(self, connection: Connection, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Give the files of the categories in turn, breadth first, each category once: they may run in circles."""
        waiting = [(str(name), int(level)) for name, level in cursor["waiting"]] if cursor else [(self._category, 0)]
        known = set(cursor["known"]) if cursor else {self._category}
        onward = dict(cursor["continue"]) if cursor else {}
        total = cursor["total"] if cursor else await self._size(connection)
        while waiting:
            title, level = waiting[0]
            generator = {
                "generator": "categorymembers",
                "gcmtitle": title,
                "gcmtype": "file|subcat" if level < self._depth else "file",
                "gcmlimit": "50",
            }
            pages, onward = await self._files(connection, generator, onward)
            ordered = sorted(pages.values(), key=lambda page: str(page["title"]))
            for page in ordered:
                if page.get("ns") == 14 and page["title"] not in known and len(known) < MOST_CATEGORIES:
                    known.add(page["title"])
                    waiting.append((page["title"], level + 1))
            if not onward:
                waiting.pop(0)
            place = {"waiting": [list(one) for one in waiting], "known": sorted(known), "continue": onward}
            yield Page(_images(ordered), {**place, "total": total}, total)

    async def _size(self, connection: Connection) -> int | None:
        """Return how many files the category has, or ``None`` when those below it count too; it must exist."""
        body = await self._ask(connection, {"titles": self._category, "prop": "categoryinfo"})
        sizes = [page["categoryinfo"] for page in body.get("query", {}).get("pages", ()) if "categoryinfo" in page]
        if not sizes:
            raise InputError(f"Commons has no {self._category}.", "Copy its name from the address of its page.")
        return None if self._depth else int(sizes[0]["files"])

    async def _files(
        self, connection: Connection, generator: Mapping[str, str], onward: Mapping[str, str]
    ) -> tuple[dict[int, dict[str, Any]], dict[str, str]]:
        """Return one batch of pages by id, with all their facts, and what continues after it (empty: nothing).

        The facts of one batch may come in several answers; it is complete when the last of them says so.
        """
        wanted = {"prop": "imageinfo", "iiprop": "url|size|mime|sha1|user|extmetadata"}
        wanted |= {"iiextmetadatafilter": _FIELDS, "iiextmetadatalanguage": "en"}
        if self._width:
            wanted["iiurlwidth"] = str(self._width)
        pages: dict[int, dict[str, Any]] = {}
        lost = False
        while True:
            body = await self._ask(connection, {**generator, **wanted, **onward})
            if "error" in body:
                if lost:
                    raise Unavailable("Commons does not know the places that it has just given.")
                # an old place is not known any more: from the beginning; what is in the pool already enters once only
                lost, onward, pages = True, {}, {}
                continue
            for page in body.get("query", {}).get("pages", ()):
                pages.setdefault(int(page["pageid"]), {}).update(page)
            after = {str(name): str(value) for name, value in body.get("continue", {}).items()}
            if body.get("batchcomplete") or not after:
                return pages, after
            onward = after

    async def _ask(self, connection: Connection, params: Mapping[str, str]) -> dict[str, Any]:
        """Return an answer; of errors only the one that a continuation is not known.

        Raises ``InputError`` for a query that Commons does not understand, or when it has blocked us.
        """
        fixed = {"action": "query", "format": "json", "formatversion": "2", "maxlag": "5"}
        answer = await connection.get("/w/api.php", {**fixed, **params}, passing=_passing)
        if answer.status == 403:
            raise InputError(
                f"Wikimedia refuses our requests: {answer.detail}", "Is WINNOW_CONTACT an address that reaches you?"
            )
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise Unavailable(f"Commons answers what its API does not say: {answer.detail}")
        error = answer.body.get("error")
        if error is None or ("continue" in params and error["code"] == "badcontinue"):
            return answer.body
        if error["code"] == "cirrussearch-offset-too-large":
            return {"batchcomplete": True}
        raise InputError(f"Commons refuses the search ({error['code']}): {error.get('info', '')}", "Check the query.")


def _passing(body: Any) -> str:
    """Return the error after which the same request may succeed: lag of the databases, too many searches at once."""
    code = str(body["error"].get("code", "")) if isinstance(body, dict) and "error" in body else ""
    return code if code in _PASSING or code.startswith("internal_api_error") else ""


def _images(pages: list[dict[str, Any]]) -> tuple[Found, ...]:
    return tuple(found for page in pages if (found := _found(page)) is not None)


def _found(page: Mapping[str, Any]) -> Found | None:
    """Return the image of a page; ``None`` for categories, missing files and what is not a picture of pixels."""
    info = (page.get("imageinfo") or [{}])[0]
    if info.get("mime") not in TYPES or not info.get("url"):
        return None
    facts = {name: str(field["value"]) for name, field in info.get("extmetadata", {}).items() if "value" in field}
    author, author_url = _text(facts.get("Artist", ""))
    name = str(page["title"]).removeprefix("File:")
    url = info["thumburl"] if _scaled(info) else info["url"]
    provenance = Provenance(
        source="commons",
        source_id=str(page["pageid"]),
        page=info.get("descriptionurl", ""),
        title=_text(facts.get("ObjectName", ""))[0] or name.rpartition(".")[0],
        author=author or _text(facts.get("Credit", ""))[0] or info.get("user", ""),
        author_url=author_url,
        licence=_licence(facts),
        licence_url=urljoin(BASE_URL, facts["LicenseUrl"]) if facts.get("LicenseUrl") else "",
    )
    return Found(
        url=_plain(url),
        name=name,
        provenance=licences.attributed(provenance, _text(facts.get("Attribution", ""))[0]),
        sha1="" if _scaled(info) else info.get("sha1", ""),
    )


def _scaled(info: Mapping[str, Any]) -> bool:
    """Return whether there is a smaller version; of an image that is no wider than asked for, the original is given."""
    return bool(info.get("thumburl")) and int(info.get("thumbwidth", 0)) < int(info.get("width", 0))


def _licence(facts: Mapping[str, str]) -> str:
    said = (facts.get(name, "") for name in ("License", "LicenseUrl", "LicenseShortName", "UsageTerms"))
    name = licences.normalise(*said)
    return name or ("pd" if facts.get("Copyrighted", "").lower() == "false" else licences.UNKNOWN)


def _text(markup: str) -> tuple[str, str]:
    """Return what a reader sees of a piece of HTML, and where its first link leads."""
    if "<" not in markup and "&" not in markup:
        return " ".join(markup.split()), ""
    try:
        tree = html.fragment_fromstring(markup, create_parent="div")
    except ParserError:
        return "", ""
    for hidden in tree.xpath('.//style | .//script | .//*[contains(translate(@style, " ", ""), "display:none")]'):
        hidden.drop_tree()
    for line in tree.iter("br", "p", "div", "li", "tr", "td"):
        line.tail = f" {line.tail or ''}"
    links = [link for link in tree.xpath(".//a/@href") if "redlink=1" not in link]
    return " ".join(tree.text_content().split()), urljoin(BASE_URL, links[0]) if links else ""


def _plain(url: str) -> str:
    """Return an address without the parameters that count visits, so that one image has one address."""
    parts = urlsplit(url)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if not name.startswith("utm_")])
    return urlunsplit(parts._replace(query=query))
