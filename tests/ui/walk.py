"""The task page in every state that an annotator can see, one after the other."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.ui.pages import LESSONS
from tests.ui.standin import Standin

Look = Callable[[str], None]


def one_at_a_time(page: Page, standin: Standin, look: Look) -> None:
    """From the preview to the thanks, practice first; ``look`` is called with the name of each state."""
    standin.of, standin.market, standin.lessons = 7, False, LESSONS
    page.goto(f"{standin.base}/preview")
    expect(page.locator("#languages")).to_be_visible()
    look("preview")
    _open(page, standin)
    look("start")
    page.keyboard.press("Enter")
    _ready(page, 0)
    look("practice")
    page.keyboard.press("f")
    expect(page.locator("#lesson")).to_have_attribute("data-state", "wrong")
    look("a wrong answer")
    page.keyboard.press("j")
    _ready(page, 1)
    look("a right answer")
    _answer(page, 1, 2, "f")
    _ready(page, 3)
    look("practice is over")
    _answer(page, 3, 4, "j")
    _ready(page, 5)
    look("working")
    page.keyboard.press("z")
    expect(page.locator("#zoom img")).to_be_visible()
    expect(page.locator("#zoom-note")).to_be_empty()
    look("zoomed")
    page.keyboard.press("z")
    _help(page, look)
    standin.down = True
    page.keyboard.press("j")
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    look("offline")
    standin.down = False
    _answer(page, 6, 6, "f")
    page.locator("#overview summary").click()
    expect(page.locator("#all button")).to_have_count(standin.of)
    look("review")
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    page.locator("#submit").click()
    expect(page.locator("#receipt")).to_have_text("R-1")
    look("done")


def many_at_a_time(page: Page, standin: Standin, look: Look) -> None:
    """The grid: a screen as it comes up, with marks, and its help."""
    standin.of, standin.presumed = 30, True
    _open(page, standin)
    page.keyboard.press("Enter")
    page.wait_for_selector('#grid[data-screen="0"][data-ready="true"]')
    look("a screen")
    for tile in (1, 4):
        page.locator(".tile").nth(tile).click()
    expect(page.locator('.tile[aria-pressed="true"]')).to_have_count(2)
    look("a screen with marks")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    look("the grid's help")


def _open(page: Page, standin: Standin) -> None:
    page.goto(f"{standin.base}/tasks/one")
    expect(page.locator("#begin")).to_be_enabled()


def _ready(page: Page, position: int) -> None:
    page.wait_for_selector(f'#stage[data-position="{position}"][data-ready="true"]')


def _answer(page: Page, first: int, last: int, key: str) -> None:
    for position in range(first, last + 1):
        _ready(page, position)
        page.keyboard.press(key)


def _help(page: Page, look: Look) -> None:
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    look("help")
    page.locator("#choose-yes").click()
    look("choosing a key")
    page.keyboard.press("f")
    expect(page.locator("#choose-yes")).to_have_attribute("aria-pressed", "false")
    look("a key that is taken")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
