"""Photos of Flickr, through ``flickr.photos.search``.

Built from the published API: 500 photos a page, about 3,600 requests an hour, and of every search the first 4,000
photos only (later pages repeat the last one). A search that finds more is halved by the date of upload until every part
fits. Licences have numbers that Flickr adds to from time to time: they are asked for, not known.
"""

import asyncio
import copy
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from active_learning.domain.errors import InputError, Unavailable
from scraper import licences as names
from scraper.found import Cursor, Found, Page, Provenance
from scraper.sources.api import Api, Clock, Connection, Sleep

BASE_URL = "https://api.flickr.com"
CAP = 4_000
"""Photos that Flickr gives of one search."""
PER_PAGE = 500
FIRST_UPLOAD = 1_072_915_200
"""The first of January 2004, in seconds since 1970: Flickr began that year."""

_KEY = "Set WINNOW_FLICKR_KEY to a key from https://www.flickr.com/services/apps/create/."
_SIZES = {"large": "l o c z n m", "original": "o l c z n m"}
"""Suffixes of Flickr's sizes, the most wanted first; l has 1024 pixels. A photo without l is smaller than that."""
_PASSING = frozenset({0, 10, 105, 106})
_INVALID_KEY = 100


@dataclass
class _Known:
    """What Flickr has told, shared by all queries of one source: licences by number, as (short name, address)."""

    licences: dict[str, tuple[str, str]] = field(default_factory=dict)


class Flickr:
    """The public photos that Flickr finds for ``query`` in title, description and tags, oldest upload first.

    ``licences`` are short names of :mod:`scraper.licences` (none: any, all rights reserved too). ``since`` and
    ``until`` bound the time of upload, in seconds since 1970; a later start with ``since`` finds what is new. ``size``:
    ``large`` is 1024 pixels wide or high at most, ``original`` as it was uploaded where its owner lets it out.

    More than 4,000 photos of one search that were uploaded in one and the same second are cut off.
    """

    def __init__(
        self,
        query: str,
        *,
        key: str,
        licences: Sequence[str] = (),
        since: int = FIRST_UPLOAD,
        until: int | None = None,
        size: Literal["large", "original"] = "large",
        contact: str = "",
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._query = _checked(query)
        if not key:
            raise InputError("Flickr wants an API key.", _KEY)
        self._key = key
        self._licences = tuple(licences)
        self._since, self._until, self._now = since, until, now
        self._sizes = _SIZES[size].split()
        self._known = _Known()
        self._api = Api(
            "Flickr",
            base_url,
            contact=contact,
            per_minute=60,
            transport=transport,
            sleep=sleep,
            clock=clock,
            jitter=jitter,
        )

    def about(self, query: str) -> "Flickr":
        """Return the same source for another query; pace and licences are shared."""
        other = copy.copy(self)
        other._query = _checked(query)
        return other

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        if cursor is None:
            # the end is fixed, so that pages stay what they are while people upload
            until = int(self._now()) if self._until is None else self._until
            cursor = {"parts": [[self._since, until]] if self._since <= until else [], "page": 1, "total": None}
        parts = [(int(first), int(last)) for first, last in cursor["parts"]]
        number, total = int(cursor["page"]), cursor["total"]
        async with self._api.connected() as connection:
            ids = await self._wanted(connection) if parts else ()
            while parts:
                first, last = parts[0]
                photos = await self._search(connection, ids, first, last, number)
                count = int(photos["total"])
                total = count if total is None else total
                if number == 1 and count > CAP and first < last:
                    middle = (first + last) // 2
                    parts[:1] = [(first, middle), (middle + 1, last)]
                    continue
                number += 1
                if (number - 1) * PER_PAGE >= min(count, CAP):
                    parts, number = parts[1:], 1
                images = tuple(found for photo in photos["photo"] if (found := self._found(photo)) is not None)
                if images or not parts:
                    yield Page(images, {"parts": [list(part) for part in parts], "page": number, "total": total}, total)

    async def _wanted(self, connection: Connection) -> tuple[str, ...]:
        """Return the numbers of the licences that are wanted (none: any), having asked once what the numbers mean."""
        if not self._known.licences:
            body = await self._ask(connection, "flickr.photos.licenses.getInfo", {})
            self._known.licences = {
                str(one["id"]): (names.normalise(one.get("url", ""), one.get("name", "")), one.get("url", ""))
                for one in body["licenses"]["license"]
            }
        numbers = tuple(number for number, (name, _) in self._known.licences.items() if name in self._licences)
        if self._licences and not numbers:
            offered = dict.fromkeys(name for name, _ in self._known.licences.values() if name)
            raise InputError(
                f"Flickr has no photos under {', '.join(self._licences)}.", f"It has {', '.join(offered)}."
            )
        return numbers

    async def _search(
        self, connection: Connection, ids: Sequence[str], first: int, last: int, number: int
    ) -> dict[str, Any]:
        params: dict[str, str | int] = {
            "text": self._query,
            "media": "photos",
            "content_type": 1,
            "safe_search": 1,
            "sort": "date-posted-asc",
            "min_upload_date": first,
            "max_upload_date": last,
            "extras": "license,owner_name,path_alias," + ",".join(f"url_{size}" for size in self._sizes),
            "per_page": PER_PAGE,
            "page": number,
        }
        if ids:
            params["license"] = ",".join(ids)
        photos: dict[str, Any] = (await self._ask(connection, "flickr.photos.search", params))["photos"]
        return photos

    async def _ask(self, connection: Connection, method: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        """Return an answer whose ``stat`` is ok; raises ``InputError`` for one that fails for good."""
        fixed: dict[str, str | int] = {"method": method, "api_key": self._key, "format": "json", "nojsoncallback": 1}
        answer = await connection.post("/services/rest/", {**fixed, **params}, passing=_passing)
        body = answer.body
        if isinstance(body, dict) and body.get("stat") == "ok":
            return body
        if isinstance(body, dict) and body.get("stat") == "fail":
            code = int(body.get("code", -1))
            hint = _KEY if code == _INVALID_KEY else "Check the query."
            raise InputError(f"Flickr refuses the search ({code}): {body.get('message', '')}.", hint)
        raise Unavailable(f"Flickr answers what its API does not say: {answer.detail}")

    def _found(self, photo: Mapping[str, Any]) -> Found | None:
        """Return the image of a photo; ``None`` where its owner lets no size out."""
        url = next((photo[f"url_{size}"] for size in self._sizes if photo.get(f"url_{size}")), "")
        if not url:
            return None
        identifier, owner = str(photo["id"]), str(photo["owner"])
        licence, licence_url = self._known.licences.get(str(photo.get("license", "")), (names.UNKNOWN, ""))
        provenance = Provenance(
            source="flickr",
            source_id=identifier,
            page=f"https://www.flickr.com/photos/{owner}/{identifier}",
            title=_content(photo.get("title")),
            author=_content(photo.get("ownername")),
            author_url=f"https://www.flickr.com/people/{photo.get('pathalias') or owner}",
            licence=licence,
            licence_url=licence_url,
        )
        return Found(url=url, name=provenance.title or identifier, provenance=names.attributed(provenance))


def _passing(body: Any) -> str:
    """Return the failure after which the same request may succeed."""
    if isinstance(body, dict) and body.get("stat") == "fail" and int(body.get("code", -1)) in _PASSING:
        return f"{body['code']}: {body.get('message', '')}"
    return ""


def _content(value: Any) -> str:
    """Return a text that Flickr gives plain in searches and as an object elsewhere."""
    return " ".join(str(value.get("_content", "") if isinstance(value, dict) else value or "").split())


def _checked(query: str) -> str:
    plain = " ".join(query.split())
    if not plain:
        raise InputError("The query for Flickr is empty.", "Say what the photos show, such as --query car.")
    return plain
