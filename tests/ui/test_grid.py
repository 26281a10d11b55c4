"""The task page where many images are shown at a time and silence is an answer, in Chromium."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui.pages import LESSONS
from tests.ui.standin import Standin


def opened(page: Page, standin: Standin, token: str = "one") -> None:
    """Load the task and wait until it may begin."""
    page.goto(f"{standin.base}/tasks/{token}")
    expect(page.locator("#begin")).to_be_enabled()


def screen(page: Page, number: int) -> None:
    """Wait until a screen, counted from 0, may be answered."""
    page.wait_for_selector(f'#grid[data-screen="{number}"][data-ready="true"]')


def tile(page: Page, position: int, how: str = "") -> None:
    """Expect a tile's name to say how it stands."""
    expect(page.get_by_role("button", name=f"Image {position + 1}{how}", exact=True)).to_be_visible()


def values(standin: Standin, token: str = "one") -> list[bool]:
    """What the server has, by position."""
    mine = standin.answers[token]
    return [mine[position].value for position in sorted(mine)]


def flipped(standin: Standin, presumed: bool = True) -> list[int]:
    """The positions whose answer is not the presumed one."""
    return [position for position, value in enumerate(values(standin)) if value is not presumed]


@pytest.fixture
def grid(standin: Standin) -> Standin:
    """30 images without lessons whose answer is presumed to be yes: screens of 12, 12 and 6."""
    standin.of, standin.presumed, standin.lessons = 30, True, ()
    return standin


def test_a_whole_assignment_by_keyboard_alone(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    expect(page.get_by_text("Click every image where the answer is no.")).to_be_visible()
    for key in "2wf":
        page.keyboard.press(key)
    expect(page.locator("#grid-marked")).to_have_text("Marked no: 3")
    page.keyboard.press("Enter")
    screen(page, 1)
    for key in ("ArrowRight", "Space", "ArrowDown", "ArrowDown", "ArrowDown", "Space", "End", "Space", "Space"):
        page.keyboard.press(key)
    tile(page, 13, ": marked no")
    tile(page, 21, ": marked no")
    page.keyboard.press("Enter")
    screen(page, 2)
    expect(page.locator(".tile:visible")).to_have_count(6)
    page.keyboard.press("Enter")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#submit")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/externalSubmit")

    assert flipped(grid) == [1, 5, 11, 13, 21]
    given = grid.answers["one"]
    assert all(one.device == "key" and one.changes == 0 and one.hidden_ms == 0 for one in given.values())
    assert all(0 < one.shown_ms < one.decided_ms and one.visible_ms >= 300 for one in given.values())
    assert all(abs(one.decided_ms - one.shown_ms - one.visible_ms) < 1 for one in given.values())
    assert max(given[at].decided_ms for at in range(12)) < min(given[at].shown_ms for at in range(12, 24))
    assert [(start, count) for start, count, _ in grid.batches] == [(0, 12), (12, 12), (24, 6)]


def test_lessons_come_first_and_one_at_a_time(page: Page, grid: Standin, quiet: list[str]) -> None:
    grid.of, grid.lessons = 16, LESSONS
    opened(page, grid)
    page.keyboard.press("Enter")
    for position, key in enumerate("jff"):
        page.wait_for_selector(f'#stage[data-position="{position}"][data-ready="true"]')
        expect(page.locator("#grid")).to_be_hidden()
        page.keyboard.press(key)
    screen(page, 0)
    expect(page.locator("#stage")).to_be_hidden()
    tile(page, 3)
    expect(page.locator("#grid-back")).to_be_disabled()
    page.keyboard.press("Backspace")
    tile(page, 3)
    page.keyboard.press("1")
    tile(page, 3, ": marked no")
    page.keyboard.press("Enter")
    screen(page, 1)
    page.keyboard.press("Enter")
    expect(page.locator("#review")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/externalSubmit")
    assert flipped(grid) == [1, 2, 3]
    # Nothing of the grid was fetched one at a time as well.
    assert all(start >= 3 or start + count <= 3 for start, count, _ in grid.batches)
    assert sorted((start, count) for start, count, _ in grid.batches if start >= 3) == [(3, 12), (15, 1)]


def test_silence_may_mean_no(page: Page, grid: Standin, quiet: list[str]) -> None:
    grid.of, grid.presumed = 12, False
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    expect(page.get_by_text("Click every image where the answer is yes.")).to_be_visible()
    expect(page.get_by_text("What you leave alone counts as no.")).to_be_visible()
    page.locator(".tile").nth(4).click()
    tile(page, 4, ": marked yes")
    page.locator("#grid-next").click()
    expect(page.locator("#saved")).to_have_text("saved")
    assert flipped(grid, presumed=False) == [4]
    assert {one.device for one in grid.answers["one"].values()} == {"mouse"}


def test_going_back_and_changing(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    screen(page, 1)
    page.keyboard.press("3")
    expect(page.locator("#saved")).to_have_text("saved")
    first = dict(grid.answers["one"])
    page.keyboard.press("Backspace")
    screen(page, 0)
    tile(page, 0, ": marked no")
    page.keyboard.press("1")
    tile(page, 0)
    page.keyboard.press("q")
    page.keyboard.press("Enter")
    screen(page, 1)
    tile(page, 14, ": marked no")
    page.locator("#grid-back").click()
    screen(page, 0)
    page.keyboard.press("q")
    for number in (1, 2):
        page.locator("#grid-next").click()
        screen(page, number)
    page.locator("#grid-next").click()
    page.locator("#submit").click()
    page.wait_for_url("**/externalSubmit")
    assert flipped(grid) == [1, 14]
    changes = {position: one.changes for position, one in grid.answers["one"].items() if one.changes}
    assert changes == {0: 1, 4: 2}
    # What nobody touched keeps the times of the moment when it was decided.
    assert all(grid.answers["one"][at] == first[at] for at in range(12) if at not in changes)
    assert grid.answers["one"][0].visible_ms > first[0].visible_ms


def test_back_from_the_review_any_change_counts(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    for number in range(3):
        screen(page, number)
        page.keyboard.press("Enter")
    page.locator("summary").click()
    page.locator("#all button").nth(14).click()
    screen(page, 1)
    expect(page.get_by_role("button", name="Image 15", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Backspace")
    screen(page, 0)
    expect(page.locator("#saved")).to_have_text("saved")
    assert flipped(grid) == [14]
    for number in range(3):
        screen(page, number)
        page.keyboard.press("Enter")
    expect(page.locator("#tally")).to_contain_text("29")
    page.keyboard.press("Backspace")
    screen(page, 2)


def test_reload_goes_on_at_the_same_screen(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    screen(page, 1)
    expect(page.locator("#saved")).to_have_text("saved")
    page.reload()
    screen(page, 1)
    expect(page.locator("#grid-place")).to_have_text("Screen 2 of 3")
    page.keyboard.press("Backspace")
    screen(page, 0)
    tile(page, 11, ": marked no")
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    screen(page, 1)
    expect(page.locator("#saved")).to_have_text("saved")
    assert values(grid) == [True] * 12
    assert [one.changes for one in grid.answers["one"].values()] == [0] * 11 + [1]


def test_a_screen_is_answered_only_when_all_of_it_was_seen(page: Page, grid: Standin) -> None:
    lost = "**/assignment/images?*"
    page.route(lost, lambda route: route.abort())
    opened(page, grid)
    page.keyboard.press("Enter")
    expect(page.locator("#grid-wait")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator("#grid-next").click(force=True)
    expect(page.locator("#grid")).to_have_attribute("data-screen", "0")
    expect(page.locator("#grid-marked")).to_have_text("Marked no: 0")
    page.unroute(lost)
    screen(page, 0)
    expect(page.locator("#grid-wait")).to_be_hidden()
    page.keyboard.press("Enter")
    screen(page, 1)


def test_haste_does_not_help(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    for focused in (".tile >> nth=0", "#grid-next"):
        page.locator(focused).focus()
        number = int(page.locator("#grid").get_attribute("data-screen") or -1)
        page.keyboard.down("Enter")
        screen(page, number + 1)
        for _ in range(5):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        expect(page.locator("#grid")).to_have_attribute("data-screen", str(number + 1))
    while page.locator("#work").is_visible():
        page.keyboard.press("Enter")
    page.locator("#submit").click()
    page.wait_for_url("**/externalSubmit")
    assert len(values(grid)) == 30
    assert min(one.visible_ms for one in grid.answers["one"].values()) >= 300


def test_a_screen_that_breaks_off_is_completed(page: Page, grid: Standin, quiet: list[str]) -> None:
    def cut(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=reply.body()[: len(reply.body()) // (2 if len(grid.batches) == 1 else 1)])

    page.route("**/assignment/images?*", cut)
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    assert grid.batches[0][:2] == (0, 12)
    start, count, _ = grid.batches[1]
    assert 0 < start < 12
    assert start + count == 12


def test_the_next_screen_is_there_before_it_is_wanted(page: Page, grid: Standin, quiet: list[str]) -> None:
    with page.expect_request_finished(lambda request: "start=0" in request.url):
        opened(page, grid)
    with page.expect_request_finished(lambda request: "start=24" in request.url):
        page.keyboard.press("Enter")
    screen(page, 0)
    page.context.set_offline(True)
    for number in (1, 2):
        page.keyboard.press("Enter")
        screen(page, number)
    page.keyboard.press("Backspace")
    screen(page, 1)
    page.context.set_offline(False)


def test_letters_go_by_place_and_can_be_switched_off(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    press = "init => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...init }))"
    page.evaluate(press, {"key": "a", "code": "KeyQ"})
    tile(page, 4, ": marked no")
    page.evaluate(press, {"key": "ы", "code": "KeyS"})
    tile(page, 9, ": marked no")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.locator("#letters").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator(".tile-letter").first).to_be_hidden()
    page.keyboard.press("q")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator("#grid-marked")).to_have_text("Marked no: 3")
    tile(page, 4, ": marked no")


def test_time_in_another_tab_is_hidden_time(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    # Headless Chromium never hides a page, so the page is told so in the browser's own words.
    hide = """hidden => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    page.wait_for_timeout(300)
    page.evaluate(hide, False)
    page.keyboard.press("Enter")
    screen(page, 1)
    expect(page.locator("#saved")).to_have_text("saved")
    for one in grid.answers["one"].values():
        assert 290 <= one.hidden_ms < 1_500
        assert abs(one.decided_ms - one.shown_ms - one.visible_ms - one.hidden_ms) < 1


def test_an_assignment_that_is_over_says_so(page: Page, grid: Standin) -> None:
    with page.expect_request_finished(lambda request: "start=0" in request.url):
        opened(page, grid)
    grid.refuse = 410
    page.keyboard.press("Enter")
    expect(page.locator("#trouble")).to_contain_text("This assignment has ended. Return to the marketplace.")
    assert [start for start, _, _ in grid.batches] == [0, 12]


def test_tiles_keep_their_places_where_people_read_from_right_to_left(
    page: Page, grid: Standin, quiet: list[str]
) -> None:
    grid.language = "ar"
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    first, second = (page.locator(".tile").nth(at).bounding_box() for at in (0, 1))
    assert first is not None
    assert second is not None
    assert first["x"] < second["x"]
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    screen(page, 1)


def test_what_a_screen_reader_hears(page: Page, grid: Standin, quiet: list[str]) -> None:
    opened(page, grid)
    page.keyboard.press("Enter")
    screen(page, 0)
    expect(page.locator("#announce")).to_have_text("Screen 1 of 3. Images: 12.")
    images = page.get_by_role("grid", name="Images of this screen")
    expect(images).to_have_accessible_description(
        "Click every image where the answer is no. What you leave alone counts as yes."
    )
    expect(images.get_by_role("row")).to_have_count(3)
    expect(images.get_by_role("gridcell")).to_have_count(12)
    page.keyboard.press("3")
    expect(page.locator("#announce")).to_have_text("Image 3: marked no")
    expect(images.get_by_role("button", name="Image 3: marked no", pressed=True)).to_be_focused()
    page.keyboard.press("3")
    expect(page.locator("#announce")).to_have_text("Image 3: not marked, counts as yes")
    expect(images.locator("[tabindex='0']")).to_have_count(1)


class TestPhone:
    """Touch at phone width."""

    @pytest.fixture
    def browser_context_args(self) -> dict[str, object]:
        return {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

    def test_taps(self, page: Page, grid: Standin, quiet: list[str]) -> None:
        opened(page, grid)
        page.locator("#begin").tap()
        screen(page, 0)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        boxes = [one.bounding_box() for one in (*page.locator(".tile").all(), page.locator("#grid-next"))]
        assert len(boxes) == 13
        for box in boxes:
            assert box is not None
            assert box["width"] >= 100
            assert box["y"] + box["height"] <= 844
        for number in range(3):
            screen(page, number)
            page.locator(".tile").nth(number + 1).tap()
            tile(page, 12 * number + number + 1, ": marked no")
            page.locator("#grid-next").tap()
        page.locator("#submit").tap()
        page.wait_for_url("**/externalSubmit")
        assert flipped(grid) == [1, 14, 27]
        assert {one.device for one in grid.answers["one"].values()} == {"touch"}

    def test_a_turned_phone_keeps_its_screens(self, page: Page, grid: Standin, quiet: list[str]) -> None:
        opened(page, grid)
        page.locator("#begin").tap()
        screen(page, 0)
        expect(page.get_by_role("row")).to_have_count(4)
        page.locator(".tile").nth(2).tap()
        page.set_viewport_size({"width": 844, "height": 390})
        expect(page.get_by_role("row")).to_have_count(3)
        expect(page.locator(".tile:visible")).to_have_count(12)
        tile(page, 2, ": marked no")
