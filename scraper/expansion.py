"""Many queries for one concept, and one source that runs them all: so that no limit of a search caps a category.

LSUN searched for every category with hundreds of adjectives before its name, because a search engine gives some
hundred images of a query, however many there are (Yu et al. 2015).
"""

import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

from active_learning.domain.errors import InputError
from scraper.found import Cursor, Found, Page, Source

REMEMBERED = 250_000
"""Ids of images that a run remembers, the last ones: about 40 MB."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


ADJECTIVES = _words(
    "old, new, small, large, beautiful, modern, vintage, dirty, clean, broken, colourful, bright, dark, abandoned, "
    "wooden, metal, antique, cheap, luxury, famous, traditional, rusty, shiny, painted, empty, crowded, wet, dusty, "
    "handmade, tiny, huge, simple, ornate, rural, urban"
)
SCENE_ADJECTIVES = _words(
    "old, new, small, large, beautiful, modern, messy, tidy, empty, crowded, sunny, dark, bright, cozy, spacious, "
    "luxurious, abandoned, rustic, minimalist, colourful, traditional, vintage, industrial, renovated, spare, "
    "desolate, narrow, quiet, busy, elegant, cluttered, historic, cheap, public, private"
)
COLOURS = _words("red, blue, white, black, green, yellow, brown, grey, orange, pink, purple, golden, silver")
PLACES = _words(
    "on street, in city, in garden, in forest, on beach, at home, on table, in museum, in field, in mountains, on "
    "road, in park, by lake, in market, in shop, in desert, in village, on grass, in studio, on white background, "
    "in snow, Africa, Asia, Europe, India, Japan, China, Brazil, Mexico, Australia"
)
SCENE_PLACES = _words(
    "interior, exterior, Africa, Asia, Europe, India, Japan, China, Korea, Russia, Turkey, Egypt, Nigeria, Brazil, "
    "Mexico, Canada, Australia, Germany, France, Italy, Spain, England, Scandinavia, USA"
)
TIMES = _words(
    "at night, in winter, in summer, in autumn, in spring, at sunset, in rain, in fog, 1950s, 1970s, close-up, "
    "aerial view"
)


def expand(
    concept: str,
    *,
    kind: Literal["object", "scene"] = "object",
    synonyms: Iterable[str] = (),
    translations: Iterable[str] = (),
    adjectives: Iterable[str] | None = None,
    colours: Iterable[str] | None = None,
    places: Iterable[str] | None = None,
    times: Iterable[str] | None = None,
    limit: int | None = 200,
) -> tuple[str, ...]:
    """Return up to ``limit`` queries for ``concept``, each once, the most promising first; ``None`` for all of them.

    First the plain names: the concept, its ``synonyms``, its ``translations`` into other languages. Then the concept
    with one word of each list in turn, so that few queries already differ in many ways; then so the synonyms; then the
    concept with an adjective or colour before it and a place or time behind it. Translations stay plain: English words
    would not fit them. A list that is ``None`` is the one of this module for the ``kind``, an empty one is left out.

    The same arguments give the same queries. Raises ``InputError`` for an empty concept or a limit below 1.
    """
    if not concept.strip():
        raise InputError("There is no concept to search for.", "Say what the images show, such as car.")
    if limit is not None and limit < 1:
        raise InputError(f"{limit} queries find nothing.", "At least one is needed.")
    scene = kind == "scene"
    befores = (
        list((SCENE_ADJECTIVES if scene else ADJECTIVES) if adjectives is None else adjectives),
        list((() if scene else COLOURS) if colours is None else colours),
    )
    behinds = (
        list((SCENE_PLACES if scene else PLACES) if places is None else places),
        list(TIMES if times is None else times),
    )
    names = [concept, *synonyms]
    found: dict[str, str] = {}
    for query in _queries(names, list(translations), befores, behinds):
        plain = " ".join(query.split())
        if plain:
            found.setdefault(plain.casefold(), plain)
        if limit is not None and len(found) == limit:
            break
    return tuple(found.values())


def _queries(
    names: Sequence[str], translations: Sequence[str], befores: Sequence[list[str]], behinds: Sequence[list[str]]
) -> Iterator[str]:
    yield from names
    yield from translations
    patterns = [
        *([f"{word} {{}}" for word in words] for words in befores),
        *([f"{{}} {word}" for word in words] for words in behinds),
    ]
    for name in names:
        yield from (pattern.replace("{}", name) for pattern in _in_turn(patterns))
    # pairs run through both lists at the same time, so that the first of them do not share one adjective
    first, second = list(_in_turn(befores)), list(_in_turn(behinds))
    for shift in range(len(second)):
        for place, word in enumerate(first):
            yield f"{word} {names[0]} {second[(place + shift) % len(second)]}"


def _in_turn(lists: Iterable[Sequence[str]]) -> Iterator[str]:
    """Give the first of every list, then the second of every list, and so on."""
    for row in itertools.zip_longest(*lists):
        yield from (one for one in row if one is not None)


class Searching(Source, Protocol):
    """A source that can be asked another query, sharing its pace, its quota and its credentials."""

    def about(self, query: str) -> Source:
        """Return the same source for another query."""


class Several:
    """One source for several queries, one after another; an image that several of them find is given once.

    What has been given is remembered within a run, the last ``REMEMBERED`` images, and not across starts: after
    another start an image may come once more, which intake knows by its address. The cursor names the query by its
    text: when the list has grown in between, it goes on where it was; when the query is gone, it begins again.
    """

    def __init__(self, source: Searching, queries: Sequence[str], remembered: int = REMEMBERED) -> None:
        if not queries:
            raise InputError("There is no query.", "Say what the images show.")
        self._source = source
        self._queries = tuple(dict.fromkeys(queries))
        self._remembered = remembered

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says; ``total`` of a single query only."""
        start, inner = 0, None
        if cursor is not None and cursor["query"] in self._queries:
            start, inner = self._queries.index(cursor["query"]), cursor["after"]
        seen: dict[bytes, None] = {}
        for query in self._queries[start:]:
            async for page in self._source.about(query).pages(inner):
                yield Page(
                    images=tuple(found for found in page.images if self._is_new(found, seen)),
                    cursor={"query": query, "after": dict(page.cursor)},
                    total=page.total if len(self._queries) == 1 else None,
                )
            inner = None

    def _is_new(self, found: Found, seen: dict[bytes, None]) -> bool:
        provenance = found.provenance
        name = json.dumps([provenance.source, provenance.source_id] if provenance.source_id else found.url)
        # 8 bytes instead of the id: among 250,000 images two share them with a probability of 2 in 10^9
        mark = blake2b(name.encode(), digest_size=8).digest()
        if mark in seen:
            return False
        seen[mark] = None
        if len(seen) > self._remembered:
            del seen[next(iter(seen))]
        return True
