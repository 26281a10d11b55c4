"""Qualifications in Chromium, by keyboard: from a HIT that asks for one, over its test, to the work."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.turk.forms import answer_key, form, key_question, option, question, selection
from tests.turk.served import post_hit
from tests.turk.test_browser import CHROMIUM, QUIET
from tests.turk.test_qualifications import make

BIRDS = form(question("bird", selection("sparrow", "robin"), "<Text>Which of them has a red breast?</Text>"))
KEY = answer_key(key_question("bird", option(100, "robin")))
SHOTS = os.environ.get("WINNOW_TEST_SCREENSHOTS", "")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (390, "dark")])
def test_from_a_hit_over_its_test_to_the_work(serve, width, colours):
    site = serve()
    requester = site.requester()
    kind = make(requester, Name="Knows birds", Test=BIRDS, AnswerKey=KEY, TestDurationInSeconds=300)
    asked = [{"QualificationTypeId": kind, "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [80]}]
    hit_id = post_hit(requester, QualificationRequirements=asked)
    complaints: list[str] = []

    def browse() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            walk(page, site.url, f"{width}-{colours}")
            browser.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(browse).result()
    assert complaints == []
    assert requester.get_hit(HITId=hit_id)["HIT"]["NumberOfAssignmentsPending"] == 1


def looked_at(page: Page, name: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the window"
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/qualification-{name}.png", full_page=True)


def press(page: Page, role: str, name: str) -> None:
    """By keyboard alone."""
    page.get_by_role(role, name=name).first.focus()
    page.keyboard.press("Enter")


def walk(page: Page, url: str, look: str) -> None:
    page.goto(url)
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    page.get_by_text("It asks for a qualification that you do not have.").wait_for()
    assert page.get_by_role("button", name="Accept").count() == 0
    looked_at(page, f"{look}-list")
    press(page, "link", "What Does this image show a 3? asks for")
    page.get_by_text("asked: at least 80; yours: none").wait_for()
    assert page.get_by_role("button", name="Accept").count() == 0
    looked_at(page, f"{look}-missing")
    press(page, "link", "Knows birds")
    page.get_by_text("test of 5 minutes").wait_for()
    looked_at(page, f"{look}-offered")
    press(page, "button", "Begin the test")
    page.get_by_text("Which of them has a red breast?").wait_for()
    page.locator("#questions.keys").wait_for()
    page.get_by_label("It is sparrow").focus()
    page.keyboard.press("2")
    looked_at(page, f"{look}-test")
    press(page, "button", "Hand in")
    page.get_by_text("with the value 100").wait_for()
    looked_at(page, f"{look}-result")
    press(page, "link", "All qualifications")
    page.get_by_label("Country, in two letters").fill("de")
    page.keyboard.press("Enter")
    page.get_by_text("You have said where you live.").wait_for()
    looked_at(page, f"{look}-all")
    page.goto(url)
    press(page, "button", "Accept Does this image show a 3?")
    page.locator("#countdown").wait_for()
