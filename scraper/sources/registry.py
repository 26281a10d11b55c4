"""Every source by its name: ``OPENERS`` is the literal registry.

A new source is one file here with a class that has ``pages``, its options and one line in
:mod:`active_learning.domain.sources`, and one line in ``OPENERS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from active_learning.domain.sources import checked_options
from api.settings import Settings
from scraper.expansion import Searching, Several, expand
from scraper.fetch.protocol import Fetcher
from scraper.found import Source


@dataclass(frozen=True)
class Tools:
    """What sources work with beside their options: keys come from the settings, web pages through the fetcher."""

    settings: Settings
    fetcher: Fetcher

    @property
    def contact(self) -> str:
        """Whom the owner of a site may write to."""
        return self.settings.contact


def _module(name: str) -> Any:
    """A source's module, loaded when it is asked for: what some of them need is large, and nobody needs all."""
    return import_module(f"scraper.sources.{name}")


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
    source = _module("openverse").Openverse(
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
    module = _module("commons")
    how = {"contact": tools.contact, "width": o.width, "base_url": o.address}
    if o.query.startswith("Category:"):
        category: Source = module.Commons(category=o.query, depth=o.depth, **how)
        return category
    return _searched(module.Commons(o.query, **how), o)


def _flickr(o: Any, tools: Tools) -> Source:
    key = tools.settings.flickr_key
    source = _module("flickr").Flickr(
        o.query, key=key, licences=o.licences, size=o.size, contact=tools.contact, base_url=o.address
    )
    return _searched(source, o)


OPENERS: Mapping[str, Callable[[Any, Tools], Source]] = {
    "openverse": _openverse,
    "commons": _commons,
    "flickr": _flickr,
    "web": lambda o, tools: _module("web").WebPages(o.path, fetcher=tools.fetcher, depth=o.depth, pages=o.pages),
    "sitemap": lambda o, tools: _module("web").Sitemap(o.path, fetcher=tools.fetcher, pages=o.pages),
    "table": lambda o, tools: _module("tables").open_table(
        o.path,
        column=o.column,
        split=o.split,
        hub=_module("hub").Hub(token=tools.settings.hub_token, contact=tools.contact),
    ),
    "list": lambda o, _: _module("lists").UrlList(Path(o.path), column=o.column),
    "s3": lambda o, tools: _module("s3").S3(endpoint=tools.settings.s3_endpoint).images(o.path),
    "folder": lambda o, _: _module("folder").Folder(Path(o.path)),
    "archive": lambda o, _: _module("archives").Archive(o.path),
    "video": lambda o, _: _module("video").Video(Path(o.path), every=o.every),
}
