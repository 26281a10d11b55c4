"""What the model does, and the story of an image, in Chromium: moving cuts, news of the loop, a walk through a list."""

import re

from playwright.sync_api import Page, expect

from tests.ui import pages, story_pages
from tests.ui.standin import Standin


def numbers(text: str) -> list[int]:
    """The whole numbers of a sentence."""
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?!\S*%)", text)]


def test_moved_cuts_show_what_they_would_do(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.goto(f"{standin.base}/categories/circle")
    said = page.locator("#what-if-said")
    expect(said).to_contain_text("would say no to about")
    expect(page.locator("#scores-chart svg .mark-rule.role-mark line")).to_have_count(2)
    no, yes, unknown = numbers(said.inner_text())[:3]
    assert no + yes + unknown == sum(one.images for one in story_pages.scores().bins)
    colours = {bar.get_attribute("fill") for bar in page.locator("#scores-chart svg .mark-rect path").all()}
    assert len(colours) == 3

    page.locator("#upper").focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    expect(said).not_to_contain_text(f"yes to {yes};")
    moved = numbers(said.inner_text())
    assert moved[0] == no and moved[1] > yes and sum(moved[:3]) == no + yes + unknown
    page.locator("#upper").evaluate("slider => { slider.value = 0; slider.dispatchEvent(new Event('input')); }")
    expect(page.locator("#lower")).to_have_value("0")
    expect(said).to_contain_text("no to about 0 images")
    expect(page.locator("#scores-chart svg .mark-rect path").first).to_have_attribute("fill", re.compile("14, 107, 92"))

    page.get_by_role("button", name="Back to Winnow's cuts").click()
    expect(page.locator("#lower-said")).to_have_text("0.0810")
    assert numbers(said.inner_text())[:3] == [no, yes, unknown]


def test_moved_cuts_stay_while_the_page_is_renewed(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.clock.install()
    page.goto(f"{standin.base}/categories/circle")
    expect(page.locator("#live")).not_to_be_empty()
    page.locator("#lower").evaluate("slider => { slider.value = 20; slider.dispatchEvent(new Event('input')); }")
    expect(page.locator("#what-if-said")).to_contain_text("no to about")
    scores = story_pages.scores()
    doubled = tuple(one.model_copy(update={"images": 2 * one.images}) for one in scores.bins)
    before = numbers(page.locator("#what-if-said").inner_text())[:3]
    summary = pages.full_summary(unknown=310)
    standin.summary = summary.model_copy(update={"scores": scores.model_copy(update={"bins": doubled, "upper": 0.95})})
    page.clock.run_for(7_000)
    expect(page.locator("#model-words")).to_contain_text("yes above 0.950")
    expect(page.locator("#what-if-said")).to_contain_text(f"{2 * before[2]:,} would stay unknown")
    assert numbers(page.locator("#what-if-said").inner_text())[:3] == [2 * number for number in before]
    expect(page.locator("#lower")).to_have_value("20")


def test_the_first_model_appears_without_loading_the_page(page: Page, standin: Standin, quiet: list[str]) -> None:
    standin.summary = pages.full_summary().model_copy(update={"scores": None, "mistakes": {}, "rounds": ()})
    page.clock.install()
    page.goto(f"{standin.base}/categories/circle")
    expect(page.locator("#model-words")).to_contain_text("Once the first round has ended")
    expect(page.locator("#what-if")).to_be_hidden()
    expect(page.locator("#live")).not_to_be_empty()
    standin.summary = pages.full_summary()
    page.clock.run_for(7_000)
    for chart in ("scores-chart", "answers-chart", "reliability-chart", "agreement-chart"):
        expect(page.locator(f"#{chart} svg")).to_be_visible()
    expect(page.locator("#what-if")).to_be_visible()
    expect(page.locator("#mistakes .tile")).to_have_count(12)


def test_from_a_mistake_through_the_list_by_keys(page: Page, standin: Standin, quiet: list[str]) -> None:
    page.goto(f"{standin.base}/categories/circle")
    page.get_by_role("link", name="See all The model is least certain").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The model is least certain")
    page.locator(".tile").nth(3).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("yes by people")
    expect(page.locator(".event")).to_have_count(7)
    here = page.url
    assert f"/images/{story_pages.sha(7)}?" in here
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/images/{story_pages.sha(8)}?kind=uncertain")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/images/{story_pages.sha(7)}?kind=uncertain")
    page.get_by_role("link", name="Worth a look").click()
    expect(page.locator(".tile")).to_have_count(6)
