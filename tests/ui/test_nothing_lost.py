"""Reloads, crashes, lost connections, two tabs and wrong clocks: no answer is lost and nothing counts twice."""

import itertools
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.ui.standin import Standin
from tests.ui.working import answer, hide, opened, ready, values

BACKUP = "localStorage.getItem('winnow.unsent.key-of-one')"


def begun(page: Page, standin: Standin, of: int = 8) -> None:
    """Open a task and start it."""
    standin.of = of
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)


def test_answers_given_while_the_server_is_down_survive_a_crash(page: Page, standin: Standin) -> None:
    begun(page, standin)
    answer(page, range(2))
    expect(page.locator("#saved")).to_have_text("saved")
    assert page.evaluate(BACKUP) is None
    standin.down = True
    answer(page, range(2, 5))
    page.keyboard.press("Backspace")
    ready(page, 4)
    page.keyboard.press("f")
    expect(page.locator("#saved")).to_have_text("offline, will catch up")
    context = page.context
    page.close(run_before_unload=False)
    assert len(standin.answers["one"]) == 2
    standin.down = False

    page = context.new_page()
    page.goto(f"{standin.base}/tasks/one")
    ready(page, 5)
    expect(page.locator("#saved")).to_have_text("saved")
    assert values(standin) == [True, False, True, False, False]
    assert standin.answers["one"][4].changes == 1
    assert page.evaluate(BACKUP) is None


def test_times_and_changes_go_on_after_a_reload(page: Page, standin: Standin, quiet: list[str]) -> None:
    begun(page, standin)
    page.wait_for_timeout(200)
    answer(page, range(2))
    expect(page.locator("#saved")).to_have_text("saved")
    before = standin.answers["one"][0]
    page.reload()
    ready(page, 2)
    page.locator("#strip button").first.click()
    ready(page, 0)
    page.wait_for_timeout(200)
    page.keyboard.press("f")
    ready(page, 2)
    expect(page.locator("#saved")).to_have_text("saved")
    after = standin.answers["one"][0]
    assert (after.value, after.changes, after.shown_ms) == (False, 1, before.shown_ms)
    assert after.visible_ms >= before.visible_ms + 200
    assert after.decided_ms - after.shown_ms >= after.visible_ms + after.hidden_ms - 1


def test_two_tabs_merge(page: Page, standin: Standin, quiet: list[str]) -> None:
    begun(page, standin)
    answer(page, range(1))
    expect(page.locator("#saved")).to_have_text("saved")
    other = page.context.new_page()
    other.goto(f"{standin.base}/tasks/one")
    answer(other, range(1, 4))
    expect(other.locator("#saved")).to_have_text("saved")
    page.bring_to_front()
    ready(page, 1)
    hide(page, 3_200)
    ready(page, 4)
    expect(page.locator("#strip button")).to_have_count(4)
    answer(page, range(4, 8))
    expect(page.locator("#review")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/externalSubmit")
    expect(other.locator("#done-title")).to_be_visible()
    expect(other.locator("#receipt")).to_have_text("R-1")
    assert values(standin) == [True, False] * 4
    assert standin.submissions == ["one"]
    assert len(standin.posted_forms) == 1


def test_a_browser_that_shares_no_storage_learns_of_the_submission_too(
    page: Page, new_context: Callable[[], BrowserContext], standin: Standin, quiet: list[str]
) -> None:
    begun(page, standin, of=3)
    other = new_context().new_page()
    opened(other, standin)
    other.keyboard.press("Enter")
    answer(other, range(3))
    expect(other.locator("#review")).to_be_visible()
    other.keyboard.press("Enter")
    other.wait_for_url("**/externalSubmit")
    ready(page, 0)
    hide(page, 3_200)
    expect(page.locator("#receipt")).to_have_text("R-1")
    expect(page.locator("#elsewhere")).to_be_visible()
    assert len(standin.posted_forms) == 1


def test_submitting_again_later_does_not_tell_the_market_twice(page: Page, standin: Standin, quiet: list[str]) -> None:
    begun(page, standin, of=2)
    answer(page, range(2))
    page.keyboard.press("Enter")
    page.wait_for_url("**/externalSubmit")
    page.goto(f"{standin.base}/tasks/one")
    expect(page.locator("#submit")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#receipt")).to_have_text("R-1")
    expect(page.locator("#elsewhere")).to_be_visible()
    assert len(standin.posted_forms) == 1
    # The market may not have heard of it all the same: there is a way, by hand.
    page.locator("#again").click()
    page.wait_for_url("**/externalSubmit")
    assert standin.posted_forms[0] == standin.posted_forms[1]


def test_answers_after_an_expired_token_are_kept_for_the_next_visit(page: Page, standin: Standin) -> None:
    begun(page, standin)
    standin.refuse = 403
    answer(page, range(2))
    expect(page.locator("#saved")).to_have_text("not saved")
    expect(page.locator("#trouble")).to_contain_text("Your answers are kept in this browser")
    standin.refuse = 0
    page.reload()
    ready(page, 2)
    expect(page.locator("#saved")).to_have_text("saved")
    assert values(standin) == [True, False]


def test_the_backup_goes_with_the_assignment_and_old_ones_of_others_too(page: Page, standin: Standin) -> None:
    page.goto(f"{standin.base}/preview")
    page.evaluate("""() => {
        const day = 86400000;
        localStorage.setItem('winnow.unsent.old', JSON.stringify({ at: Date.now() - 3 * day, value: [] }));
        localStorage.setItem('winnow.unsent.new', JSON.stringify({ at: Date.now() - day, value: [] }));
        localStorage.setItem('elsewhere', 'x');
    }""")
    begun(page, standin)
    standin.refuse = 410
    page.keyboard.press("j")
    expect(page.locator("#trouble")).to_be_visible()
    expect(page.locator("#saved")).to_have_text("not saved")
    assert page.evaluate("Object.keys(localStorage).sort()") == ["elsewhere", "winnow.unsent.new"]


def test_a_last_answer_is_sent_while_the_page_goes_away(page: Page, standin: Standin) -> None:
    begun(page, standin)
    answer(page, range(1))
    ready(page, 1)
    page.goto("about:blank")
    for _ in range(200):
        if standin.answers.get("one"):
            break
        page.wait_for_timeout(50)
    assert values(standin) == [True]


def test_a_clock_that_jumps_changes_no_times(page: Page, standin: Standin, quiet: list[str]) -> None:
    begun(page, standin)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() - 5 * 86400000; }")
    answer(page, range(3))
    expect(page.locator("#time")).to_contain_text("29:")
    expect(page.locator("#saved")).to_have_text("saved")
    assert all(0 <= given.visible_ms < 60_000 for given in standin.answers["one"].values())


def test_no_more_than_about_a_request_a_second(page: Page, standin: Standin, quiet: list[str]) -> None:
    sent: list[float] = []

    def note(route: Route) -> None:
        sent.append(page.evaluate("performance.now()"))
        route.continue_()

    begun(page, standin, of=40)
    page.route("**/assignment/answers", note)
    answer(page, range(40))
    expect(page.locator("#saved")).to_have_text("saved")
    assert len(values(standin)) == 40
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert all(gap > 700 for gap in gaps)
