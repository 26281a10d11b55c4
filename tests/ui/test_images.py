"""How images come to the task page: in few requests, in a fitting size, decoded ahead; and how they are looked at."""

from playwright.sync_api import Page, Route, expect

from tests.ui.standin import ORIGINAL, Standin
from tests.ui.working import answer, opened, ready


def test_the_first_request_is_small_and_few_follow(page: Page, standin: Standin, quiet: list[str]) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(60))
    ready(page, 60)
    assert standin.batches[0][:2] == (0, 2)
    assert all(count == 12 for _, count, _ in standin.batches[1:])
    assert sorted(start for start, _, _ in standin.batches) == [0, *range(2, 2 + 12 * (len(standin.batches) - 1), 12)]
    assert page.evaluate("document.querySelectorAll('#stage img').length") == 2


def test_a_reload_fetches_the_strip_in_one_request_of_thumbnails(
    page: Page, standin: Standin, quiet: list[str]
) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(40))
    expect(page.locator("#saved")).to_have_text("saved")
    standin.batches.clear()
    page.reload()
    ready(page, 40)
    page.wait_for_function("() => [...document.querySelectorAll('#strip img')].every(i => i.naturalWidth)")
    assert [batch for batch in standin.batches if batch[2] == 160] == [(30, 10, 160)]
    page.locator("#strip button").first.click()
    ready(page, 30)
    page.keyboard.press("Backspace")
    ready(page, 29)
    page.keyboard.press("Backspace")
    ready(page, 28)
    assert len(standin.batches) <= 7


def test_the_overview_of_all_answers_is_one_request(page: Page, standin: Standin, quiet: list[str]) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(150))
    standin.batches.clear()
    page.locator("summary").click()
    expect(page.locator("#all img")).to_have_count(150)
    page.wait_for_function("() => [...document.querySelectorAll('#all img')].every(i => i.naturalWidth)")
    ((start, count, size),) = standin.batches
    assert (start, size) == (0, 160)
    assert count >= 120


def test_a_thin_line_gets_smaller_pictures_and_a_good_one_bigger_ones(
    page: Page, standin: Standin, quiet: list[str]
) -> None:
    standin.pause = 0.5
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(4))
    ready(page, 4)
    sizes = [size for _, _, size in standin.batches]
    assert sizes[0] == 640
    assert min(sizes) < 640
    standin.pause = 0.0
    answer(page, range(4, 60))
    ready(page, 60)
    assert standin.batches[-1][2] == 640


def test_a_broken_stream_is_mended(page: Page, standin: Standin) -> None:
    cut: list[str] = []

    def break_off(route: Route) -> None:
        if len(cut) >= 2:
            return route.continue_()
        cut.append(route.request.url)
        whole = route.fetch()
        return route.fulfill(response=whole, body=whole.body()[: len(whole.body()) * 2 // 3])

    page.route("**/assignment/images?*", break_off)
    opened(page, standin)
    page.keyboard.press("Enter")
    answer(page, range(20))
    ready(page, 20)
    assert len(cut) == 2


def test_zoom_brings_the_full_picture_and_answers_close_it(page: Page, standin: Standin, quiet: list[str]) -> None:
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    page.keyboard.press("z")
    picture = page.locator("#zoom img")
    expect(picture).to_have_js_property("naturalWidth", ORIGINAL)
    expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "true")
    assert standin.fulls == [0]
    moved = "[document.getElementById('zoom').scrollLeft, document.getElementById('zoom').scrollTop]"
    left, top = page.evaluate(moved)
    box = page.locator("#stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 50, y - 60)
    page.mouse.up()
    assert page.evaluate(moved) == [left + 50, top + 60]
    page.keyboard.press("Shift+ArrowUp")
    assert page.evaluate(moved)[1] < top + 60
    page.keyboard.press("ArrowRight")
    ready(page, 1)
    expect(page.locator("#zoom")).to_be_hidden()
    page.mouse.dblclick(x, y)
    expect(picture).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_be_hidden()
    page.get_by_role("button", name="Zoom").click()
    expect(picture).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator("#zoom")).to_be_hidden()


def test_a_zoom_without_its_full_picture_says_so_and_shows_what_there_is(page: Page, standin: Standin) -> None:
    page.route("**/full", lambda route: route.abort())
    opened(page, standin)
    page.keyboard.press("Enter")
    ready(page, 0)
    page.keyboard.press("+")
    expect(page.locator("#zoom-note")).to_have_text("The full picture does not arrive. This is the one you have.")
    expect(page.locator("#zoom img")).to_have_js_property("naturalWidth", 640)
    page.keyboard.press("j")
    ready(page, 1)
    expect(page.locator("#zoom-note")).to_be_hidden()


def test_no_token_in_any_address(page: Page, standin: Standin, quiet: list[str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, standin, token="secret")
    page.keyboard.press("Enter")
    answer(page, range(3))
    ready(page, 3)
    assert [address for address in asked if "secret" in address] == [f"{standin.base}/tasks/secret"]
