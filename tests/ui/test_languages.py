"""The task page in other languages, in Chromium: nothing stays English, numbers agree, the menu keeps the address."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from labeling_ui.render import static
from labeling_ui.words import languages, words
from tests.ui import pages, walk
from tests.ui.standin import Standin

NAMES = re.compile(r"\b(Enter|Esc|HIT|Winnow|JavaScript)\b")
"""What is called so in every language."""

TEXTS = """() => {
    const found = [document.title];
    const others = "script, noscript, kbd, code, [dir=auto], #languages [lang]";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; (text = walker.nextNode()); ) if (!text.parentElement.closest(others)) found.push(text.data);
    for (const name of ["aria-label", "title", "alt", "placeholder"])
        for (const element of document.body.querySelectorAll(`[${name}]`)) found.push(element.getAttribute(name));
    return found;
}"""
"""Everything that the page says in words of its own, whether it is in sight or not."""


def left_in_latin(page: Page) -> set[str]:
    """What is not Arabic in the page's own words."""
    said = (text.replace(pages.QUESTION, "").replace("· Winnow", "") for text in page.evaluate(TEXTS))
    return {text.strip() for text in said if re.search("[A-Za-z]{2,}", NAMES.sub("", text))}


@pytest.mark.parametrize("way", [walk.one_at_a_time, walk.many_at_a_time])
def test_nothing_stays_english(
    page: Page, standin: Standin, quiet: list[str], way: Callable[[Page, Standin, walk.Look], None]
) -> None:
    standin.language = "ar"
    seen: dict[str, set[str]] = {}

    def look(state: str) -> None:
        expect(page.locator("html[lang=ar][dir=rtl]")).to_be_attached()
        seen[state] = left_in_latin(page)

    way(page, standin, look)
    assert len(seen) >= 3
    assert {state: left for state, left in seen.items() if left} == {}


def test_the_search_for_english_finds_it(page: Page, standin: Standin) -> None:
    page.goto(f"{standin.base}/preview")
    expect(page.locator("#languages")).to_be_visible()
    found = left_in_latin(page)
    assert words("en")("preview") in found
    assert words("en")("example.yes", number=1) in found


@pytest.mark.parametrize("language", languages())
def test_money_is_the_same_in_the_page_and_in_its_scripts(page: Page, standin: Standin, language: str) -> None:
    standin.language = language
    page.goto(f"{standin.base}/tasks/one")
    cents = [0, 5, 60, 123_456, 100_000_000]
    address = static("answering/words.js")
    said = page.evaluate("([from, cents]) => import(from).then(({ money }) => cents.map(money))", [address, cents])
    assert said == [words(language).money(amount) for amount in cents]


def test_choosing_a_language_keeps_the_address(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.goto(f"{standin.base}/tasks/one?assignmentId=A%261&workerId=W&lang=en")
    menu = page.get_by_role("navigation", name="Language")
    expect(menu.get_by_role("link")).to_have_text(list(languages().values()))
    expect(menu.locator("[aria-current]")).to_have_text("English")
    menu.get_by_role("link", name="العربية").click()
    page.wait_for_url("**/tasks/one?assignmentId=A%261&workerId=W&lang=ar")


@pytest.mark.parametrize("language", languages())
def test_it_all_fits_on_a_phone(page: Page, standin: Standin, language: str) -> None:
    """Nothing is wider than the window, and what stands above the image stays as high whatever it says."""
    standin.language = language
    page.set_viewport_size({"width": 390, "height": 844})
    widths: dict[str, int] = {}
    heights: set[float] = set()

    def look(state: str) -> None:
        widths[state] = page.evaluate("document.documentElement.scrollWidth")
        status = page.locator(".status").filter(visible=True)
        if status.count():
            heights.add(status.bounding_box()["height"])  # type: ignore[index]

    walk.one_at_a_time(page, standin, look)
    assert {state: width for state, width in widths.items() if width > 390} == {}
    assert len(heights) == 1


def test_no_and_yes_stand_where_the_keys_are(page: Page, standin: Standin) -> None:
    """Also where lines run from right to left."""
    standin.language = "ar"
    page.goto(f"{standin.base}/tasks/one")
    page.locator("#begin:enabled").click()
    no, yes = page.locator("#no").bounding_box(), page.locator("#yes").bounding_box()
    assert no is not None
    assert yes is not None
    assert no["x"] < yes["x"]
    back, strip = page.locator("#back").bounding_box(), page.locator("#strip").bounding_box()
    assert back is not None
    assert strip is not None
    assert back["x"] > strip["x"]
