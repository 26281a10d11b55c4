"""Images that Openverse has found: openly licensed, from some fifty collections, Flickr's the largest.

Built from the published API (https://api.openverse.org/v1/): at most 20 images a page without credentials and 50 with
them, 20 and 100 requests a minute, 200 and 10,000 a day, and of every query the first 240 images only, by design. More
of a category comes from more queries (``scraper.expansion``), not from ways around that limit.
"""

import asyncio
import copy
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx

from active_learning.domain.errors import InputError, QuotaExhausted, Unavailable
from scraper import licences as names
from scraper.found import Cursor, Found, Page, Provenance
from scraper.sources.api import UNSAID, Answer, Api, Clock, Connection, Sleep

BASE_URL = "https://api.openverse.org"
LICENCES = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm", "sampling+", "nc-sampling+")
"""The licences that Openverse knows."""

_LONGEST_QUERY = 200
_CREDENTIALS = (
    "Set WINNOW_OPENVERSE_CLIENT_ID and WINNOW_OPENVERSE_CLIENT_SECRET to what Openverse's registration gave."
)
_LIMIT = re.compile(r"x-ratelimit-(limit|available)-(.+)")
_TOO_MANY = re.compile(r"page_size may not exceed (\d+)|less than or equal to (\d+)")
_TOO_DEEP = re.compile(r"pagination depth may not exceed (\d+)")


class _Access:
    """What Openverse grants, shared by all queries of one source: learnt from its answers."""

    def __init__(self, page_size: int, depth: int) -> None:
        self.page_size = page_size
        self.depth = depth
        self.token = ""
        self.token_until = 0.0
        self.refused = False
        self.spent = False

    @property
    def fitting(self) -> int:
        """The largest page that fills the depth without a rest."""
        return next(size for size in range(min(self.page_size, self.depth), 0, -1) if self.depth % size == 0)


class Openverse:
    """The images that Openverse finds for ``query``, most relevant first.

    ``licences`` are short names of :mod:`scraper.licences` (none: any), ``source`` one of Openverse's collections, such
    as ``flickr`` or ``wikimedia``. With ``client_id`` and ``client_secret`` pages are larger and quotas higher.
    ``page_size`` and ``depth`` are for applications to which Openverse has granted more.
    """

    def __init__(
        self,
        query: str,
        *,
        licences: Sequence[str] = (),
        source: str = "",
        client_id: str = "",
        client_secret: str = "",
        contact: str = "",
        page_size: int | None = None,
        depth: int = 240,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._query = _checked(query)
        self._codes = tuple(name for name in licences if name in LICENCES)
        if licences and not self._codes:
            raise InputError(f"Openverse has no images under {', '.join(licences)}.", f"It has {', '.join(LICENCES)}.")
        self._source = source
        self._id, self._secret = client_id, client_secret
        if bool(client_id) != bool(client_secret):
            raise InputError("Half of Openverse's credentials is missing.", _CREDENTIALS)
        self._access = _Access(page_size or (50 if client_id else 20), depth)
        self._api = Api(
            "Openverse",
            base_url,
            contact=contact,
            per_minute=100 if client_id else 20,
            transport=transport,
            sleep=sleep,
            clock=clock,
            jitter=jitter,
            watch=self._watch,
        )

    def about(self, query: str) -> "Openverse":
        """Return the same source for another query; pace, token and quota are shared."""
        other = copy.copy(self)
        other._query = _checked(query)
        return other

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        if cursor and cursor["end"]:
            return
        offset = int(cursor["offset"]) if cursor else 0
        async with self._api.connected() as connection:
            while True:
                size, depth = self._access.fitting, self._access.depth
                number = offset // size + 1
                if number * size > depth:
                    return
                body = await self._search(connection, number, size)
                if body is None:
                    continue
                offset = number * size
                # a page may be short or empty before the last one: dead links are left out of it
                end = number >= int(body["page_count"])
                yield Page(
                    images=tuple(found for result in body["results"] if (found := _found(result)) is not None),
                    cursor={"offset": offset, "end": end},
                    total=min(int(body["result_count"]), depth),
                )
                if end:
                    return

    async def _search(self, connection: Connection, number: int, size: int) -> dict[str, Any] | None:
        """Return a page of results; ``None`` after a refusal from which something was learnt: ask again."""
        # without "mature": any value of it, even false, lets mature images in
        params: dict[str, str | int] = {"q": self._query, "page": number, "page_size": size}
        if self._codes:
            params["license"] = ",".join(self._codes)
        if self._source:
            params["source"] = self._source
        token = await self._token(connection)
        if self._access.spent:
            # once: the next start asks again, and hears how long it lasts
            self._access.spent = False
            raise QuotaExhausted(
                "Openverse's daily quota is used up.", "" if self._id else _CREDENTIALS, seconds=UNSAID
            )
        headers = {"Authorization": f"Bearer {token}"} if token else None
        answer = await connection.get("/v1/images/", params, headers)
        if answer.status == 200 and isinstance(answer.body, dict) and "results" in answer.body:
            self._access.refused = False
            return answer.body
        if answer.status == 401:
            self._learn(answer, size, token)
            return None
        if answer.status == 404 and number > 1:
            # fewer pages than there were
            return {"results": (), "result_count": (number - 1) * size, "page_count": 0}
        if answer.status in {400, 403, 404}:
            raise InputError(f"Openverse refuses the search: {answer.detail}", "Check query, licences and source.")
        raise Unavailable(f"Openverse answers what its API does not say: {answer.detail}")

    def _learn(self, answer: Answer, size: int, token: str) -> None:
        """Take the limits from a 401, or drop a token that no longer holds; raises ``InputError`` for anything else."""
        if match := _TOO_MANY.search(answer.detail):
            allowed = int(match[1] or match[2])
            if 0 < allowed < size:
                self._access.page_size = allowed
                return
        if match := _TOO_DEEP.search(answer.detail):
            allowed = int(match[1])
            if 0 < allowed < self._access.depth:
                self._access.depth = allowed
                return
        # a second refusal in a row is not for the token's age
        if token and not self._access.refused:
            self._access.refused, self._access.token = True, ""
            return
        raise InputError(f"Openverse refuses the request: {answer.detail}", _CREDENTIALS)

    async def _token(self, connection: Connection) -> str:
        """Return a token that holds, or nothing for anonymous access."""
        access, now = self._access, self._api.clock()
        if not self._id or (access.token and now < access.token_until):
            return access.token
        answer = await connection.post(
            "/v1/auth_tokens/token/",
            {"client_id": self._id, "client_secret": self._secret, "grant_type": "client_credentials"},
        )
        if answer.status != 200:
            raise InputError(f"Openverse refuses the credentials: {answer.detail}", _CREDENTIALS)
        access.token = str(answer.body["access_token"])
        access.token_until = now + float(answer.body.get("expires_in", 0)) - 60.0
        return access.token

    def _watch(self, status: int, headers: httpx.Headers) -> None:
        """Follow the limits that every answer states, one pair of headers each, such as 20/min and 200/day."""
        stated: dict[str, dict[str, str]] = {}
        for name, value in headers.items():
            if match := _LIMIT.fullmatch(name):
                stated.setdefault(match[2], {})[match[1]] = value
        a_minute = []
        for pair in stated.values():
            count, _, period = pair.get("limit", "").partition("/")
            if period.startswith("m") and count.isdigit() and int(count) > 0:
                a_minute.append(int(count))
            elif period.startswith("d") and status != 429 and pair.get("available") == "0":
                self._access.spent = True
        if a_minute:
            self._api.pace.limit(min(a_minute))


def _checked(query: str) -> str:
    plain = " ".join(query.split())
    if not plain:
        raise InputError("The query for Openverse is empty.", "Say what the images show, such as --query car.")
    if len(plain) > _LONGEST_QUERY:
        raise InputError(f"The query has {len(plain)} letters; Openverse reads {_LONGEST_QUERY}.", "Shorten it.")
    return plain


def _found(result: dict[str, Any]) -> Found | None:
    """Return the image of one result; ``None`` for drawings in SVG and for results without an address."""
    url = result.get("url") or ""
    if not url or (result.get("filetype") or "").lower() == "svg":
        return None
    licence_url = result.get("license_url") or ""
    provenance = Provenance(
        source="openverse",
        source_id=str(result["id"]),
        page=result.get("foreign_landing_url") or "",
        title=result.get("title") or "",
        author=result.get("creator") or "",
        author_url=result.get("creator_url") or "",
        licence=names.normalise(result.get("license") or "", licence_url),
        licence_url=licence_url,
    )
    return Found(url=url, name=provenance.title or provenance.source_id, provenance=names.attributed(provenance))
