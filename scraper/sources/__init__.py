"""Where images come from, one file a source. ``OPENERS`` is the literal registry.

A new source is one file here with a class that has ``pages``, its options and one line in
:mod:`active_learning.domain.sources`, and one line in ``OPENERS``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from active_learning.domain.sources import checked_options
from api.settings import Settings
from scraper.expansion import Searching, Several, expand
from scraper.fetch.protocol import Fetcher, FetchLimits
from scraper.found import Source
from scraper.sources.archives import Archive
from scraper.sources.commons import Commons
from scraper.sources.flickr import Flickr
from scraper.sources.folder import Folder
from scraper.sources.hub import Hub
from scraper.sources.lists import UrlList
from scraper.sources.openverse import Openverse
from scraper.sources.s3 import S3, S3Images
from scraper.sources.tables import open_table
from scraper.sources.video import Video
from scraper.sources.web import Sitemap, WebPages


@dataclass(frozen=True)
class Tools:
    """What sources work with beside their options: keys come from the settings, web pages through the fetcher."""

    settings: Settings
    fetcher: Fetcher

    @property
    def contact(self) -> str:
        """Whom the owner of a site may write to."""
        return self.settings.contact


def open_source(name: str, options: Mapping[str, Any], tools: Tools) -> Source:
    """Open a source by its name; raises :class:`InputError` for a wrong name, option or key."""
    return OPENERS[name](checked_options(name, options), tools)


def _searched(source: Searching, o: Any) -> Source:
    """The source asked for one query, or for everything that the query expands to."""
    if not o.expand and not o.synonyms:
        return source
    queries = expand(o.query, synonyms=o.synonyms, limit=o.queries) if o.expand else [o.query, *o.synonyms]
    return Several(source, queries)


def _openverse(o: Any, tools: Tools) -> Source:
    source = Openverse(
        o.query,
        licences=o.licences,
        source=o.collection,
        client_id=tools.settings.openverse_id,
        client_secret=tools.settings.openverse_secret,
        contact=tools.contact,
        base_url=o.address,
    )
    return _searched(source, o)


def _commons(o: Any, tools: Tools) -> Source:
    how = {"contact": tools.contact, "width": o.width, "base_url": o.address}
    if o.query.startswith("Category:"):
        return Commons(category=o.query, depth=o.depth, **how)
    return _searched(Commons(o.query, **how), o)


def _flickr(o: Any, tools: Tools) -> Source:
    key = tools.settings.flickr_key
    source = Flickr(o.query, key=key, licences=o.licences, size=o.size, contact=tools.contact, base_url=o.address)
    return _searched(source, o)


OPENERS: Mapping[str, Callable[[Any, Tools], Source]] = {
    "openverse": _openverse,
    "commons": _commons,
    "flickr": _flickr,
    "web": lambda o, tools: WebPages(o.path, fetcher=tools.fetcher, depth=o.depth, pages=o.pages),
    "sitemap": lambda o, tools: Sitemap(o.path, fetcher=tools.fetcher, pages=o.pages),
    "table": lambda o, tools: open_table(
        o.path, column=o.column, split=o.split, hub=Hub(token=tools.settings.hub_token, contact=tools.contact)
    ),
    "list": lambda o, _: UrlList(Path(o.path), column=o.column),
    "s3": lambda o, tools: S3Images(_service(tools.settings), o.path),
    "folder": lambda o, _: Folder(Path(o.path)),
    "archive": lambda o, _: Archive(o.path),
    "video": lambda o, _: Video(Path(o.path), every=o.every),
}


def _service(settings: Settings) -> S3:
    return S3(endpoint=settings.s3_endpoint)


Read = Callable[[str], Awaitable[bytes]]
"""How the bytes behind an address are got; raises ``Refused``."""


def schemes(settings: Settings, limits: FetchLimits) -> Mapping[str, Read]:
    """How the bytes behind addresses of other schemes than http and https are got. Nothing is opened before its use."""
    opened: list[S3] = []

    async def from_s3(url: str) -> bytes:
        if not opened:
            opened.append(_service(settings))
        return await opened[0].read(url, limits)

    return {"s3": from_s3}
