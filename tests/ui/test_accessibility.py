"""axe-core finds nothing on any of Winnow's pages, light and dark, on a desk and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui import pages, walk
from tests.ui.axe import LOOKS, violations, violations_in_every_look
from tests.ui.standin import Standin

BAD = """<html><title></title><body style="background: #fff">
<h1>Bad</h1> <h3>Worse</h3> <p style="color: #bbb">Hardly to be read.</p> <img src="data:,"> <input>
<button style="width: 9px; height: 9px; padding: 0" aria-label="a"></button>
<button style="width: 9px; height: 9px; padding: 0" aria-label="b"></button>"""


def test_the_check_can_fail(page: Page) -> None:
    page.set_content(BAD)
    found = {violation.partition(":")[0] for violation in violations(page)}
    assert {"color-contrast", "document-title", "heading-order", "html-has-lang"} <= found
    assert {"image-alt", "label", "landmark-one-main", "target-size"} <= found


def test_every_look_is_looked_at(page: Page) -> None:
    """A page that is bad by day, in the dark or on a phone only."""
    page.set_content(
        """<html lang="en"><title>Bad</title><style>
        @media (prefers-color-scheme: light) and (min-width: 501px) { .desk { color: #eee } }
        @media (prefers-color-scheme: dark) { .dark { color: #eee } }
        @media (max-width: 500px) { .phone { color: #eee } }
        </style><main><h1>Bad</h1><p class="desk">day</p><p class="dark">night</p><p class="phone">small</p></main>"""
    )
    found = {violation.partition(": color-contrast: ")[0::2] for violation in violations_in_every_look(page)}
    bad = {
        "light 1280": {".desk"},
        "dark 1280": {".dark"},
        "dark 390": {".dark", ".phone"},
        "light 390": {".phone"},
    }
    looks = [f"{scheme} {width}" for scheme, (width, _) in LOOKS]
    assert {(look, why.partition(":")[0]) for look, why in found} == {
        (look, mark) for look in looks for mark in bad[look]
    }


@pytest.mark.parametrize("language", ["en", pytest.param("ar", marks=pytest.mark.long)])
@pytest.mark.parametrize("way", [walk.one_at_a_time, walk.many_at_a_time])
def test_the_task_page(
    page: Page, standin: Standin, language: str, way: Callable[[Page, Standin, walk.Look], None]
) -> None:
    standin.language = language
    found: dict[str, list[str]] = {}

    def look(state: str) -> None:
        found[state] = violations_in_every_look(page)

    way(page, standin, look)
    assert len(found) >= 3
    assert {state: violations for state, violations in found.items() if violations} == {}


def test_trouble_on_the_task_page(page: Page, standin: Standin) -> None:
    standin.refuse = 410
    page.goto(f"{standin.base}/tasks/one")
    expect(page.locator("#trouble")).to_contain_text("This assignment has ended.")
    assert violations_in_every_look(page) == []


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/empty", "/error", "/categories/circle", "/categories/circle/images-in", "/categories/circle/expert"),
        *("/categories/circle/mistakes", "/categories/circle/images/7"),
    ],
)
def test_researchers_pages(page: Page, standin: Standin, path: str) -> None:
    page.goto(standin.base + path)
    if path == "/categories/circle":
        expect(page.locator("#chart svg")).to_be_visible()
        page.locator("details").evaluate_all("all => all.forEach((details) => (details.open = true))")
    if path.endswith("/expert"):
        expect(page.locator("#stage")).to_have_attribute("data-ready", "true")
        page.keyboard.press("j")
        expect(page.locator("#strip button")).to_have_count(1)
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        assert violations_in_every_look(page) == []
        page.keyboard.press("Escape")
    assert violations_in_every_look(page) == []


def test_a_category_without_images(page: Page, standin: Standin) -> None:
    standin.summary = pages.empty_summary()
    page.goto(f"{standin.base}/categories/circle")
    expect(page.locator("#standing")).to_contain_text("No images yet")
    assert violations_in_every_look(page) == []
