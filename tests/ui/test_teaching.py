"""Lessons in Chromium: the first images tell at once whether the answer was right."""

from playwright.sync_api import Page, expect

from tests.ui import pages
from tests.ui.standin import Standin
from tests.ui.working import answer, opened, ready, values


def taught(page: Page, standin: Standin, of: int = 6) -> None:
    """Begin a task whose first three images are lessons: yes, no, no."""
    standin.of, standin.lessons = of, pages.LESSONS
    opened(page, standin)
    page.keyboard.press("Enter")


def test_a_right_answer_goes_on_and_a_wrong_one_waits(page: Page, standin: Standin, quiet: list[str]) -> None:
    taught(page, standin)
    lesson = page.locator("#lesson")
    ready(page, 0)
    expect(lesson).to_have_text("Practice: images 1 to 3 tell you at once whether you are right.")
    page.keyboard.press("f")
    expect(lesson).to_have_text("The answer here is yes. It is round all the way. Press Yes to go on.")
    expect(page.locator("#stage")).to_have_attribute("data-position", "0")
    expect(page.locator("#progress")).to_have_attribute("value", "0")
    page.keyboard.press("f")
    page.keyboard.press("j")
    ready(page, 1)
    expect(lesson).to_have_text("Right: that was a yes. It is round all the way.")
    page.keyboard.press("f")
    ready(page, 2)
    expect(lesson).to_have_text("Right: that was a no. A square has corners.")
    page.keyboard.press("ArrowLeft")
    ready(page, 3)
    expect(lesson).to_have_text("Right: that was a no. Now the real ones: from here on nobody tells you.")
    page.keyboard.press("f")
    ready(page, 4)
    expect(lesson).to_be_hidden()
    answer(page, range(4, 6))
    expect(page.locator("#submit")).to_be_focused()
    expect(page.locator("#saved")).to_have_text("saved")
    assert values(standin) == [True, False, False, False, True, False]
    assert [standin.answers["one"][at].changes for at in range(6)] == [1, 0, 0, 0, 0, 0]


def test_going_back_to_a_lesson_and_spoiling_it(page: Page, standin: Standin, quiet: list[str]) -> None:
    taught(page, standin)
    for position, key in enumerate("jffj"):
        ready(page, position)
        page.keyboard.press(key)
    ready(page, 4)
    page.locator("#strip button").nth(1).click()
    ready(page, 1)
    expect(page.locator("#lesson")).to_contain_text("Right: that was a no.")
    page.keyboard.press("j")
    expect(page.locator("#lesson")).to_contain_text("The answer here is no.")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#stage")).to_have_attribute("data-position", "1")
    page.keyboard.press("f")
    ready(page, 4)
    expect(page.locator("#saved")).to_have_text("saved")
    assert standin.answers["one"][1].changes == 2


def test_a_wrong_lesson_is_still_open_after_a_reload(page: Page, standin: Standin, quiet: list[str]) -> None:
    taught(page, standin)
    ready(page, 0)
    page.keyboard.press("f")
    expect(page.locator("#saved")).to_have_text("saved")
    page.reload()
    expect(page.locator("#begin")).to_be_enabled()
    page.keyboard.press("Enter")
    ready(page, 0)
    expect(page.locator("#lesson")).to_contain_text("Press Yes to go on.")
    page.keyboard.press("j")
    ready(page, 1)
    expect(page.locator("#saved")).to_have_text("saved")
    assert standin.answers["one"][0].changes == 1
