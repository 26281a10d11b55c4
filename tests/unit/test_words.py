"""Annotators' pages in every language: complete, used, and chosen as the browser asks."""

import json
import re
from collections.abc import Iterator

import pytest
from jinja2 import nodes

from labeling_ui import words as package
from labeling_ui.render import ENVIRONMENT, HERE, STATIC, render
from labeling_ui.words import SCRIPT, choose, languages, phrases, words
from tests.ui import pages

ENGLISH = phrases("en")
OTHERS = tuple(language for language in languages() if language != "en")
ALIKE = {"Enter", "{seconds}\u00a0s", "{minutes}\u00a0min", "{hours}\u00a0h {minutes}\u00a0min"}
"""What may well be the same in another language."""
PLACE = re.compile(r"\{(\w+)\}")
SAY = re.compile(r'(?<![#.\w])say\(\s*(?:"([^"]+)"|`([^`]+)`|([^)]*))')


def in_templates() -> Iterator[str]:
    """A pattern for each ``words(...)`` in the templates."""
    for name in ENVIRONMENT.list_templates():
        assert ENVIRONMENT.loader is not None
        tree = ENVIRONMENT.parse(ENVIRONMENT.loader.get_source(ENVIRONMENT, name)[0])
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "words":
                yield from patterns(call.args[0])


def patterns(key: nodes.Expr) -> Iterator[str]:
    """What a key can be: a literal, a choice of two, or a literal with something put in."""
    match key:
        case nodes.Const():
            yield re.escape(key.value)
        case nodes.CondExpr(expr1=one, expr2=other) if other is not None:
            yield from (*patterns(one), *patterns(other))
        case nodes.Concat():
            yield "".join(re.escape(part.value) if isinstance(part, nodes.Const) else r"[\w.]+" for part in key.nodes)
        case _:
            raise AssertionError(f"no literal in words(...), line {key.lineno}")


def in_scripts() -> Iterator[str]:
    """A pattern for each ``say(...)`` in the scripts."""
    for path in sorted(STATIC.rglob("*.js")):
        text = path.read_text(encoding="utf-8").replace("function say(", "")
        for literal, template, other in SAY.findall(text):
            found = [literal] if literal else re.findall(r'[?:] "([^"]+)"', other)
            if template:
                yield re.escape(SCRIPT) + r"[\w.]*".join(map(re.escape, re.split(r"\$\{.*?\}", template)))
            assert template or found, f"{path.name}: no literal in say({other})"
            yield from (re.escape(SCRIPT + key) for key in found)


def in_python() -> Iterator[str]:
    """A pattern for each phrase that the language's own numbers and times are made of."""
    source = (package.HERE / "__init__.py").read_text(encoding="utf-8")
    yield "language"
    yield from map(re.escape, re.findall(r'self\("([^"]+)"', source))


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_says_all_that_english_says(language: str) -> None:
    assert set(phrases(language)) == set(ENGLISH)


@pytest.mark.parametrize("language", OTHERS)
def test_every_phrase_has_the_places_of_the_english_one(language: str) -> None:
    differing = {key for key, text in phrases(language).items() if places(text) != places(ENGLISH[key])}
    assert differing == set()


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_was_left_in_english(language: str) -> None:
    alike = {text for key, text in phrases(language).items() if text == ENGLISH[key] and re.search("[A-Za-z]", text)}
    assert alike <= ALIKE


def places(text: str) -> set[str]:
    return set(PLACE.findall(text))


def test_there_is_more_than_english_and_a_language_from_right_to_left() -> None:
    assert {"en", "de", "ar"} <= set(languages())
    assert next(iter(languages())) == "en"
    assert {words(language).direction for language in languages()} == {"ltr", "rtl"}


def test_every_phrase_that_is_asked_for_exists() -> None:
    asked = {*in_templates(), *in_scripts(), *in_python()}
    assert len(asked) > 40
    assert {pattern for pattern in asked if not any(re.fullmatch(pattern, key) for key in ENGLISH)} == set()


def test_every_phrase_is_asked_for() -> None:
    asked = re.compile("|".join({*in_templates(), *in_scripts(), *in_python()}))
    assert {key for key in ENGLISH if not asked.fullmatch(key)} == set()


@pytest.mark.parametrize("language", languages())
def test_the_files_are_kept_in_one_order(language: str) -> None:
    """English leads; a new phrase is then easy to find in every file."""
    assert list(phrases(language)) == list(ENGLISH)
    text = (package.HERE / f"{language}.json").read_text(encoding="utf-8")
    assert text == json.dumps(phrases(language), ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("language", languages())
def test_the_task_page_is_marked_with_its_language(language: str) -> None:
    for page in (pages.task_page(pages.work()), pages.task_page(None)):
        html = render(page.model_copy(update={"language": language}))
        assert f'<html lang="{language}" dir="{words(language).direction}">' in html
        assert words(language)("approval.title") in html


def test_researchers_pages_speak_english() -> None:
    assert '<html lang="en" dir="ltr">' in render(pages.FULL[0])
    assert (HERE / "templates" / "index.html").is_file()


@pytest.mark.parametrize(
    ("header", "wanted", "expected"),
    [
        ("", None, "en"),
        ("de", None, "de"),
        ("de-CH,de;q=0.9,en;q=0.8", None, "de"),
        ("fr-FR, ar-EG;q=0.7, en;q=0.3", None, "ar"),
        ("en;q=0.3, de;q=0.7", None, "de"),
        ("en, de", None, "en"),
        ("de, ar", None, "de"),
        ("AR-eg", None, "ar"),
        ("de ; q=0.5 , ar ; q=0.6", None, "ar"),
        ("de;q=0, ar;q=0.1", None, "ar"),
        ("de;q=0", None, "en"),
        ("fr, *;q=0.5, de;q=0.1", None, "en"),
        ("de;q=2, ar;q=0.1", None, "ar"),
        ("de;q=nan, d€, ;;, ar;q=0.001", None, "ar"),
        ("../en, de", None, "de"),
        ("ar", "de", "de"),
        ("ar", "de-AT", "de"),
        ("ar", "xx", "ar"),
        ("ar", "", "ar"),
        ("", "../../etc/passwd", "en"),
    ],
)
def test_choosing_a_language(header: str, wanted: str | None, expected: str) -> None:
    assert choose(header, wanted) == expected


@pytest.mark.parametrize(
    ("language", "money", "number", "span"),
    [
        ("en", "$1,234.50", "12,345", "1\u00a0h 8\u00a0min"),
        ("de", "1.234,50\u00a0$", "12.345", "1\u00a0h 8\u00a0min"),
        ("ar", "\u2066$1,234.50\u2069", "12,345", "1\u00a0س 8\u00a0د"),
    ],
)
def test_numbers_as_each_language_writes_them(language: str, money: str, number: str, span: str) -> None:
    own = words(language)
    assert (own.money(123_450), own.number(12_345), own.span(4_100)) == (money, number, span)
    assert (own.span(29.6), own.span(59.7)) == (own("span.seconds", seconds=30), own("span.minutes", minutes=1))


def test_a_phrase_that_nobody_wrote_is_an_error() -> None:
    with pytest.raises(KeyError):
        words("de")("no such phrase")
