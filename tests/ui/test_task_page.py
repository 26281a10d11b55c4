"""The task page in Chromium, from the first image to the submission, on good and on bad days."""

import re
import time

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.ui.standin import Standin
from tests.ui.working import answer, hide, opened, ready, values


def test_a_whole_task_of_150_by_keyboard_inside_a_sandboxed_frame(
    page: Page, standin: Standin, quiet: list[str]
) -> None:
    page.goto(f"{standin.base}/market/one")
    frame = page.frame(url=re.compile("/tasks/one"))
    assert frame is not None
    expect(frame.locator("#begin")).to_be_enabled()
    frame.locator("#begin").focus()
    page.keyboard.press("Enter")
    loads = standin.loads
    answer(page, range(150), surface=frame)
    expect(frame.locator("#tally")).to_contain_text("yes to 75 and no to 75 of 150")
    assert standin.loads == loads
    page.keyboard.press("Enter")
    expect(frame.get_by_text("Thank you, submitted.")).to_be_visible()
    assert standin.posted_forms == [{"assignmentId": "one", "receipt": "R-1"}]
    assert values(standin) == [position % 2 == 0 for position in range(150)]

    given = standin.answers["one"].values()
    assert all(one.device == "key" and one.changes == 0 for one in given)
    assert all(0 < one.shown_ms < one.decided_ms and one.hidden_ms == 0 for one in given)
    assert all(abs(one.decided_ms - one.shown_ms - one.visible_ms) < 1 for one in given)
    assert len(standin.batches) <= 150 / 10 + 4
    assert standin.saves < 150 / 3


def test_going_back_and_changing(page: Page, standin: Standin, quiet: list[str]) -> None:
    standin.of = 6
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(4))
    ready(page, 4)
    page.keyboard.press("Backspace")
    ready(page, 3)
    expect(page.locator("#no")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    ready(page, 4)
    page.locator("#strip button").first.click()
    ready(page, 0)
    page.keyboard.press("ArrowDown")
    ready(page, 1)
    page.keyboard.press("0")
    ready(page, 4)
    answer(page, range(4, 6))
    page.locator("summary").click()
    expect(page.locator("#all button")).to_have_count(6)
    page.locator("#all button").nth(5).click()
    ready(page, 5)
    page.keyboard.press("1")
    expect(page.locator("#tally")).to_contain_text("yes to 5 and no to 1")
    page.locator("#submit").click()
    page.wait_for_url("**/externalSubmit")
    assert values(standin) == [True, False, True, True, True, True]
    assert [standin.answers["one"][at].changes for at in range(6)] == [0, 0, 0, 1, 0, 1]


def test_reload_goes_on_at_the_same_image(page: Page, standin: Standin, quiet: list[str]) -> None:
    standin.of = 8
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(5))
    ready(page, 5)
    page.reload()
    ready(page, 5)
    expect(page.locator("#count")).to_have_text("6 of 8")
    expect(page.locator("#strip button")).to_have_count(5)
    page.keyboard.press("ArrowUp")
    ready(page, 4)
    expect(page.locator("#yes")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    answer(page, range(5, 8))
    page.keyboard.press("Enter")
    page.wait_for_url("**/externalSubmit")
    assert values(standin) == [True, False] * 4


def test_double_submit_makes_one_form(page: Page, standin: Standin, quiet: list[str]) -> None:
    standin.of, standin.market = 2, False
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(2))
    page.evaluate("() => { const b = document.getElementById('submit'); b.click(); b.click(); b.click(); }")
    expect(page.locator("#done-title")).to_be_visible()
    expect(page.locator("#receipt")).to_have_text("R-1")
    assert standin.submissions == ["one"]
    page.keyboard.press("Backspace")
    expect(page.locator("#done-title")).to_be_visible()


def test_a_market_that_takes_a_code_is_visited(page: Page, standin: Standin, quiet: list[str]) -> None:
    standin.of, standin.by_code = 2, True
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(2))
    page.keyboard.press("Enter")
    page.wait_for_url("**/submissions/complete?cc=*")
    expect(page.locator("p")).to_have_text("A1 B&2")
    assert (standin.submissions, standin.posted_forms) == (["one"], [])


def test_offline_for_a_while_then_everything_catches_up(page: Page, standin: Standin) -> None:
    standin.of = 10
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(3))
    expect(page.locator("#saved")).to_have_text("saved")
    page.context.set_offline(True)
    answer(page, range(3, 10))
    expect(page.locator("#saved")).to_have_text("offline, will catch up")
    page.keyboard.press("Enter")
    expect(page.locator("#submitting")).to_have_text("Submitting…")
    assert len(standin.answers["one"]) == 3
    page.context.set_offline(False)
    page.wait_for_url("**/externalSubmit")
    assert values(standin) == [True, False] * 5


def test_a_busy_server_is_asked_again(page: Page, standin: Standin) -> None:
    standin.of = 4
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    standin.down = True
    answer(page, range(4))
    expect(page.locator("#saved")).to_have_text("offline, will catch up")
    standin.down = False
    expect(page.locator("#saved")).to_have_text("saved")
    assert values(standin) == [True, False, True, False]


def test_an_ended_assignment_says_so_and_what_to_do(page: Page, standin: Standin) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    standin.refuse = 410
    page.keyboard.press("j")
    expect(page.locator("#trouble")).to_have_text("This assignment has ended. Return to the marketplace.")
    expect(page.locator("#saved")).to_have_text("not saved")


def test_images_that_do_not_arrive_cannot_be_answered(page: Page, standin: Standin) -> None:
    page.route("**/assignment/images?*", lambda route: route.fulfill(status=503))
    opened(page, standin)
    page.keyboard.press("Enter")
    expect(page.locator("#wait")).to_have_text("The image does not arrive. Trying again…")
    page.keyboard.press("j")
    expect(page.locator("#count")).to_have_text("1 of 150")
    page.unroute("**/assignment/images?*")
    ready(page, 0)
    page.keyboard.press("j")
    ready(page, 1)


def test_letters_can_be_switched_off_and_a_held_key_is_one_answer(
    page: Page, standin: Standin, quiet: list[str]
) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    page.keyboard.down("j")
    ready(page, 1)
    page.keyboard.down("j")
    page.keyboard.down("j")
    page.keyboard.up("j")
    expect(page.locator("#stage")).to_have_attribute("data-position", "1")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("f")
    page.locator("#letters").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.locator("#stage")).to_have_attribute("data-position", "1")
    page.keyboard.press("ArrowLeft")
    ready(page, 2)


def test_the_two_keys_that_answer_can_be_chosen(page: Page, standin: Standin, quiet: list[str]) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    page.keyboard.press("?")
    page.locator("#choose-yes").click()
    expect(page.locator("#chosen")).to_have_text("Press the key for yes, or Esc.")
    page.keyboard.press("f")
    expect(page.locator("#chosen")).to_have_text("F means something else already.")
    page.locator("#choose-yes").click()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_visible()
    page.locator("#choose-yes").click()
    page.keyboard.press("x")
    expect(page.locator("#chosen")).to_have_text("X is yes now.")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#yes kbd").first).to_have_text("X")
    page.keyboard.press("j")
    expect(page.locator("#stage")).to_have_attribute("data-position", "0")
    page.keyboard.press("x")
    ready(page, 1)
    page.reload()
    ready(page, 1)
    page.keyboard.press("x")
    ready(page, 2)
    expect(page.locator("#yes kbd").first).to_have_text("X")


def test_time_in_another_tab_is_hidden_time(page: Page, standin: Standin, quiet: list[str]) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    hide(page, 300)
    page.keyboard.press("j")
    ready(page, 1)
    expect(page.locator("#saved")).to_have_text("saved")
    given = standin.answers["one"][0]
    assert 290 <= given.hidden_ms < 1_500
    assert abs(given.decided_ms - given.shown_ms - given.visible_ms - given.hidden_ms) < 1


def test_what_a_screen_reader_hears(page: Page, standin: Standin, quiet: list[str]) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(2))
    ready(page, 2)
    expect(page.locator("#announce")).to_have_text("No. Image 3 of 150.")
    expect(page.get_by_role("img", name="Image 3 of 150")).to_be_visible()
    expect(page.get_by_role("button", name="Image 1: yes. Go back to it")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Images answered")).to_have_attribute("value", "2")


class TestPhone:
    """Touch at phone width."""

    @pytest.fixture
    def browser_context_args(self) -> dict[str, object]:
        return {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

    def test_taps_and_swipes(self, page: Page, standin: Standin, quiet: list[str]) -> None:
        standin.of = 4
        opened(page, standin)
        page.locator("#begin").tap()
        ready(page, 0)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for name in ("#yes", "#no"):
            box = page.locator(name).bounding_box()
            assert box is not None
            assert box["height"] >= 80
            assert box["y"] + box["height"] <= 844
        page.locator("#yes").tap()
        ready(page, 1)
        touch = page.context.new_cdp_session(page)
        swipe(touch, 300, 80)
        ready(page, 2)
        swipe(touch, 80, 300)
        ready(page, 3)
        swipe(touch, 200, 230)
        expect(page.locator("#stage")).to_have_attribute("data-position", "3")
        page.locator("#no").tap()
        page.locator("#submit").tap()
        page.wait_for_url("**/externalSubmit")
        assert values(standin) == [True, False, True, False]
        assert {given.device for given in standin.answers["one"].values()} == {"touch"}

    def test_a_tap_right_after_a_quick_swipe_counts(self, page: Page, standin: Standin, quiet: list[str]) -> None:
        standin.of = 10
        opened(page, standin)
        page.locator("#begin").tap()
        touch = page.context.new_cdp_session(page)
        box = page.locator("#no").bounding_box()
        assert box is not None
        place = {"x": box["x"] + 20, "y": box["y"] + 20}
        for position in range(0, 10, 2):
            ready(page, position)
            swipe(touch, 80, 300)
            ready(page, position + 1)
            touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(page.locator("#review")).to_be_visible()
        expect(page.locator("#tally")).to_have_text("You said yes to 5 and no to 5 of 10.")

    def test_tapping_twice_zooms_and_fingers_do_not_answer_there(
        self, page: Page, standin: Standin, quiet: list[str]
    ) -> None:
        opened(page, standin)
        page.locator("#begin").tap()
        ready(page, 0)
        for _ in range(2):
            page.touchscreen.tap(200, 300)
        expect(page.locator("#zoom img")).to_be_visible()
        swipe(page.context.new_cdp_session(page), 300, 80)
        expect(page.locator("#zoom img")).to_be_visible()
        expect(page.locator("#stage")).to_have_attribute("data-position", "0")
        page.locator("#zoom-open").tap()
        expect(page.locator("#zoom")).to_be_hidden()


def swipe(touch: CDPSession, start: int, end: int) -> None:
    """A finger from one x to another in five steps of a frame each."""

    def send(kind: str, points: list[dict[str, float]]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", [{"x": start, "y": 400}])
    for step in range(1, 6):
        time.sleep(1 / 60)
        send("touchMove", [{"x": start + (end - start) * step / 5, "y": 402}])
    send("touchEnd", [])
