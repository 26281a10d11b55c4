"""The researcher's pages in Chromium: list, category, expert."""

from playwright.sync_api import Page, expect

from tests.ui import pages
from tests.ui.standin import Standin


def test_from_the_list_to_the_category(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.goto(standin.base)
    expect(page.locator(".card")).to_have_count(3)
    page.get_by_role("link", name=pages.QUESTION).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(pages.QUESTION)
    expect(page.locator("#standing")).to_contain_text("397 of 2,400 images are still unknown")
    expect(page.locator("#progress")).to_contain_text("Scoring the pool: 31 of 64")
    expect(page.locator("#promise")).to_contain_text("39 of 40 right")
    expect(page.locator("#promise [role=alert]")).to_have_count(0)
    expect(page.locator("#rounds tbody tr")).to_have_count(4)
    expect(page.locator("#examples img")).to_have_count(24)
    expect(page.locator("#chart svg .mark-rect path")).to_have_count(18)


def test_a_broken_promise_is_said_aloud(page: Page, standin: Standin, quiet: list[str]) -> None:
    summary = pages.full_summary()
    standin.summary = summary.model_copy(
        update={"audit": summary.audit.model_copy(update={"yes": (40, 21), "alarm": ("yes",)})}
    )
    page.goto(f"{standin.base}/categories/circle")
    expect(page.get_by_role("alert")).to_contain_text("the model's yes labels were taken back")


def test_the_page_follows_the_loop_without_events(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.clock.install()
    page.goto(f"{standin.base}/categories/circle")
    expect(page.locator("#chart svg")).to_be_visible()
    expect(page.locator("#live")).to_have_text("This page asks for news every few seconds.")
    page.evaluate("window.svg = document.querySelector('#chart svg'); window.table = document.querySelector('table')")
    page.locator("#people summary").click()
    before = page.locator("#chart svg .mark-rect path").last.get_attribute("aria-label")

    standin.summary = pages.full_summary(unknown=310)
    page.clock.run_for(7_000)
    expect(page.locator("#standing")).to_contain_text("310 of 2,400")
    expect(page.locator("#chart svg .mark-rect path").last).not_to_have_attribute("aria-label", before or "")
    assert page.evaluate("window.svg.isConnected"), "the chart was drawn anew instead of taking new rows"
    assert page.evaluate("window.table.isConnected"), "the table did not change and was exchanged all the same"
    expect(page.locator("#people details")).to_have_attribute("open", "")


def test_a_category_that_gets_its_first_images(page: Page, standin: Standin, quiet: list[str]) -> None:
    standin.summary = pages.empty_summary()
    page.clock.install()
    page.goto(f"{standin.base}/categories/circle")
    expect(page.locator("#standing")).to_contain_text("No images yet")
    expect(page.locator("figure:has(#chart)")).to_be_hidden()
    expect(page.locator("#live")).not_to_be_empty()
    standin.summary = pages.full_summary()
    page.clock.run_for(7_000)
    expect(page.locator("#chart svg")).to_be_visible()


def test_dark_and_light_colour_the_chart(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{standin.base}/categories/circle")
    bar = page.locator("#chart svg .mark-rect path").first
    light = bar.get_attribute("fill")
    page.emulate_media(color_scheme="dark")
    expect(bar).not_to_have_attribute("fill", light or "")


def test_the_expert_answers_and_they_become_gold(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.goto(f"{standin.base}/categories/circle/expert")

    def press(position: int, key: str) -> None:
        page.wait_for_selector(f'#stage[data-position="{position}"][data-ready="true"]')
        page.keyboard.press(key)

    for position in range(12):
        press(position, "j" if position % 3 == 0 else "f")
    press(12, "s")
    expect(page.locator("#gold-yes")).to_have_text("7")
    expect(page.locator("#gold-no")).to_have_text("13")
    expect(page.locator("#saved")).to_have_text("saved")
    assert standin.gold == {pages.sha(0): True, pages.sha(1): False}

    press(13, "Backspace")
    press(12, "Backspace")
    press(11, "j")
    expect(page.locator("#gold-yes")).to_have_text("8")
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/categories/circle")
    assert len(standin.gold) == 12
    assert standin.gold[pages.sha(11)] is True


def test_the_expert_cannot_go_back_to_what_is_stored(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.goto(f"{standin.base}/categories/circle/expert")
    for position in range(12):
        page.wait_for_selector(f'#stage[data-position="{position}"][data-ready="true"]')
        page.keyboard.press("f")
    for _ in range(14):
        page.keyboard.press("ArrowUp")
    expect(page.locator("#stage")).to_have_attribute("data-position", "2")
    expect(page.locator("#back")).to_be_disabled()
