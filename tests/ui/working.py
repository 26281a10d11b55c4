"""What tests of the task page do again and again."""

from playwright.sync_api import Frame, Page, expect

from tests.ui.standin import Standin

Surface = Page | Frame


def opened(page: Page, standin: Standin, token: str = "one") -> None:
    """Load the task and wait until it may begin."""
    page.goto(f"{standin.base}/tasks/{token}")
    expect(page.locator("#begin")).to_be_enabled()


def ready(page: Surface, position: int) -> None:
    """Wait until the image at a position is painted."""
    page.wait_for_selector(f'#stage[data-position="{position}"][data-ready="true"]')


def answer(page: Page, positions: range, keys: str = "jf", surface: Surface | None = None) -> None:
    """Answer images by keyboard: yes at even positions, no at odd ones."""
    for position in positions:
        ready(surface or page, position)
        page.keyboard.press(keys[position % 2])


def values(standin: Standin, token: str = "one") -> list[bool]:
    """What the server has, by position."""
    mine = standin.answers[token]
    return [mine[position].value for position in sorted(mine)]


HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def hide(page: Page, milliseconds: int) -> None:
    """Look at another tab for a while. Headless Chromium never hides a page, so the page is told in its own words."""
    page.evaluate(HIDE, True)
    page.wait_for_timeout(milliseconds)
    page.evaluate(HIDE, False)
