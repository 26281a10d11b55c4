"""Queries for a concept, and one source that runs them all."""

import json
from collections.abc import AsyncIterator

import pytest

from active_learning.domain.errors import InputError
from scraper import expansion
from scraper.expansion import Several, expand
from scraper.found import Cursor, Found, Page, Provenance


def test_the_plain_names_come_first_then_one_word_of_each_list_in_turn() -> None:
    assert expand(
        "car",
        synonyms=["automobile"],
        translations=["coche", "車"],
        adjectives=["old", "new"],
        colours=["red"],
        places=["in city"],
        times=["at night"],
        limit=None,
    ) == (
        "car",
        "automobile",
        "coche",
        "車",
        "old car",
        "red car",
        "car in city",
        "car at night",
        "new car",
        "old automobile",
        "red automobile",
        "automobile in city",
        "automobile at night",
        "new automobile",
        "old car in city",
        "red car at night",
        "new car in city",
        "old car at night",
        "red car in city",
        "new car at night",
    )


def test_each_query_once_in_any_spelling_and_no_empty_ones() -> None:
    assert expand(" fire  engine ", synonyms=["Fire engine", "", "fire truck"], limit=2) == (
        "fire engine",
        "fire truck",
    )
    everything = expand("car", limit=None)
    assert len({query.casefold() for query in everything}) == len(everything) > 1_000


def test_scenes_have_other_words_than_objects() -> None:
    scene, thing = expand("kitchen", kind="scene", limit=None), expand("car", limit=None)
    assert "messy kitchen" in scene and "red kitchen" not in scene and "kitchen interior" in scene
    assert "red car" in thing and "car interior" not in thing


def test_a_shorter_list_is_the_beginning_of_a_longer_one() -> None:
    everything = expand("car", limit=None)
    assert expand("car", limit=1) == ("car",)
    assert expand("car") == everything[:200] and expand("car", limit=700) == everything[:700]
    lists = (expansion.ADJECTIVES, expansion.COLOURS, expansion.PLACES, expansion.TIMES)
    few = expand("car", limit=9)
    assert all(any(word in few_query for few_query in few for word in words) for words in lists)


def test_braces_in_a_concept_are_letters() -> None:
    assert expand("{}", adjectives=["old"], colours=(), places=(), times=(), limit=None) == ("{}", "old {}")


def test_arguments_are_checked() -> None:
    with pytest.raises(InputError, match="no concept"):
        expand("  ")
    with pytest.raises(InputError, match="0 queries"):
        expand("car", limit=0)
    with pytest.raises(InputError, match="no query"):
        Several(Listed({}), ())


class Listed:
    """A source with pages of numbers for every query; it records what it is asked."""

    def __init__(self, found: dict[str, list[list[int]]], query: str = "", asked: list[str] | None = None) -> None:
        self.found = found
        self.query = query
        self.asked = [] if asked is None else asked

    def about(self, query: str) -> "Listed":
        return Listed(self.found, query, self.asked)

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        start = cursor["page"] if cursor else 0
        self.asked.append(f"{self.query} {start}")
        pages = self.found[self.query]
        for number, page in enumerate(pages[start:], start + 1):
            images = tuple(
                Found(f"https://example.org/{one}.jpg", str(one), Provenance("listed", str(one) if one % 2 else ""))
                for one in page
            )
            yield Page(images, {"page": number}, sum(map(len, pages)))


FOUND = {"car": [[1, 2], [3, 4]], "red car": [[2, 3], [5]], "old car": [[1, 6], []]}


async def collect(source: Several, cursor: Cursor | None = None) -> list[Page]:
    return [page async for page in source.pages(cursor)]


def numbers(pages: list[Page]) -> list[list[str]]:
    return [[found.name for found in page.images] for page in pages]


async def test_queries_run_one_after_another_and_an_image_comes_once() -> None:
    listed = Listed(FOUND)
    pages = await collect(Several(listed, tuple(FOUND)))
    assert numbers(pages) == [["1", "2"], ["3", "4"], [], ["5"], ["6"], []]
    assert listed.asked == ["car 0", "red car 0", "old car 0"]
    assert {page.total for page in pages} == {None}
    assert {page.total for page in await collect(Several(listed, ["car", "car"]))} == {4}


async def test_it_goes_on_from_every_cursor() -> None:
    listed = Listed(FOUND)
    pages = await collect(Several(listed, tuple(FOUND)))
    rest = {0: ["car 1"], 1: ["car 2"], 2: ["red car 1"], 3: ["red car 2"], 4: ["old car 1"], 5: ["old car 2"]}
    order = list(FOUND)
    for number, page in enumerate(pages):
        listed.asked.clear()
        again = await collect(Several(listed, order), json.loads(json.dumps(page.cursor)))
        assert [one.cursor for one in again] == [one.cursor for one in pages[number + 1 :]]
        assert listed.asked == rest[number] + [f"{query} 0" for query in order[number // 2 + 1 :]]


async def test_a_list_that_has_changed_in_between() -> None:
    listed = Listed(FOUND)
    cursor = {"query": "red car", "after": {"page": 1}}
    assert numbers(await collect(Several(listed, ["old car", "red car", "car"]), cursor)) == [
        ["5"],
        ["1", "2"],
        ["3", "4"],
    ]
    assert numbers(await collect(Several(listed, ["car"]), cursor)) == [["1", "2"], ["3", "4"]]


async def test_memory_is_bounded_and_keeps_the_last() -> None:
    listed = Listed({"a": [[1, 3, 5]], "b": [[5, 1]]})
    assert numbers(await collect(Several(listed, ["a", "b"], remembered=2))) == [["1", "3", "5"], ["1"]]
