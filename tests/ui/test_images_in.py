"""The page Images in, in Chromium, with the real web process on the real MongoDB; a test plays the worker."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from active_learning.domain.access import UserRole
from active_learning.domain.intake import IntakePolicy
from api.operations.scraping import Seen
from tests.ui.axe import violations_in_every_look
from tests.ui.scraping_desk import Desk


@pytest.fixture
def desk(mongod_uri: str, page: Page) -> Iterator[Desk]:
    """A web process and a category without images; a researcher is signed in."""
    with ExitStack() as exits:
        desk = Desk(mongod_uri, exits)
        desk.sign_in(page, UserRole.RESEARCHER)
        yield desk


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the field or button of this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const e = document.activeElement;
            return [e.name ?? "", e.value ?? "", e.textContent.trim(), e.getAttribute("aria-label") ?? ""]; }"""
        )
        if name in focused:
            return
    raise AssertionError(f"no {name} within 60 tabs")


def start_by_keyboard(page: Page, desk: Desk) -> Seen:
    """Choose a source, type a query, start."""
    page.goto(desk.page)
    tab_to(page, "openverse")
    tab_to(page, "openverse.query")
    page.keyboard.type("car")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")  # the next source takes over what was typed
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.keyboard.type(" wash")
    tab_to(page, "limit")
    page.keyboard.type("100")
    page.keyboard.press("Enter")
    page.wait_for_url("**#commons-*")
    (seen,) = desk.searches()
    return seen


def test_a_search_from_the_keyboard_to_its_end(page: Page, desk: Desk, quiet: list[str]) -> None:
    seen = start_by_keyboard(page, desk)
    assert (seen.source, seen.options, seen.limit) == ("commons", {"query": "car wash"}, 100)
    card = page.locator(".search")
    expect(card.get_by_role("heading", level=3)).to_have_text("car wash Wikimedia Commons")
    expect(page.locator("#live")).to_have_text("This page keeps itself up to date.")
    page.evaluate("window.loaded_once = true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    desk.find(seen.id, 40)
    expect(card.locator(".facts")).to_contain_text("found40of 100")
    desk.settle(seen.id, ["stored"] * 12 + ["near_duplicate"] * 3 + ["timeout"] * 5, (40.0, 3.1e6))
    expect(card.locator(".facts")).to_contain_text("decided20")
    expect(card.locator(".facts")).to_contain_text("images/s40")
    expect(card.get_by_role("group", name="In the pool")).to_contain_text("In the pool 12")
    expect(card.get_by_role("img")).to_have_attribute(
        "aria-label",
        "in the pool 12, not wanted 3, not an image 0, did not come 5, waiting 20, of 40 found",
    )

    tab_to(page, "Stop: car wash, Wikimedia Commons")
    page.evaluate("window.button = document.activeElement")
    page.keyboard.press("Enter")
    expect(card.locator(".badge")).to_have_text("stopped")
    expect(page.locator("#live")).to_have_text("Stopped: what is in hand is finished, the rest waits.")
    assert page.evaluate("document.activeElement === window.button"), "the keyboard lost its place"
    page.keyboard.press("Enter")
    expect(card.locator(".badge")).to_have_text("running")
    card.get_by_role("button", name="Try 5 failed ones again").click()
    expect(card.locator(".facts")).to_contain_text("waiting25")
    desk.settle(seen.id, ["stored"] * 25, (40.0, 3.1e6))
    desk.end(seen.id)
    expect(card.locator(".badge")).to_have_text("done")
    expect(card.get_by_role("group", name="In the pool")).to_contain_text("In the pool 37")
    assert page.evaluate("window.loaded_once"), "the page was loaded anew"
    assert not [url for url in asked if url.endswith("/events")], "the stream broke and was opened again"
    with page.expect_download() as download:
        card.get_by_role("link", name="Every outcome as CSV").click()
    assert download.value.path().read_text().count("stored") == 37


def test_what_is_typed_and_open_stays_while_numbers_change(page: Page, desk: Desk, quiet: list[str]) -> None:
    scrape = desk.start({"query": "car"})
    desk.find(scrape, 30)
    desk.settle(scrape, ["timeout"] * 8)
    page.goto(desk.page)
    expect(page.locator("#live")).to_have_text("This page keeps itself up to date.")
    page.get_by_text("Look for images").click()
    page.get_by_label("Query").first.fill("half a wor")
    page.get_by_role("link", name=re.compile("took too long")).click()
    expect(page.locator(".examples li")).to_have_count(6)
    page.evaluate("window.line = document.querySelector('a.look')")
    desk.settle(scrape, ["timeout", "not_found", "not_found"])
    expect(page.get_by_role("link", name=re.compile("took too long"))).to_contain_text("9")
    expect(page.get_by_role("group", name="Did not come")).to_contain_text("not found 2")
    expect(page.locator(".examples li")).to_have_count(6)
    expect(page.get_by_label("Query").first).to_have_value("half a wor")
    assert page.evaluate("window.line.isConnected"), "a link was exchanged under the finger"
    page.get_by_role("link", name="Close").click()
    expect(page.locator(".examples")).to_have_count(0)


def test_a_wrong_option_is_said_beside_it(page: Page, desk: Desk, quiet: list[str]) -> None:
    page.goto(desk.page)
    page.get_by_text("Web page", exact=True).click()
    options = page.get_by_role("group", name="Web page")
    options.get_by_label("Where").fill("https://cars.test/")
    options.get_by_text("More options").click()
    options.get_by_label("Depth").fill("far")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(options.get_by_label("Where")).to_have_value("https://cars.test/")
    field = options.get_by_label("Depth")
    expect(field).to_have_value("far")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("A whole number, please."))
    field.fill("2")
    page.keyboard.press("Enter")
    expect(page.locator(".search h3")).to_have_text("https://cars.test/ Web page")
    assert desk.searches()[0].options == {"path": "https://cars.test/", "depth": 2}


def test_everything_works_without_scripts(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    desk.sign_in(page)
    page.goto(desk.category)
    page.get_by_role("link", name="Look for some").click()
    page.get_by_text("Flickr", exact=True).click()
    expect(page.get_by_role("group", name="Openverse")).to_be_hidden()
    page.get_by_role("group", name="Flickr").get_by_label("Query").fill("car")
    page.get_by_role("button", name="Start").click()
    (seen,) = desk.searches()
    desk.find(seen.id, 10)
    desk.settle(seen.id, ["stored"] * 3 + ["timeout"] * 2)
    page.reload()
    page.get_by_role("link", name=re.compile("took too long")).click()
    expect(page.locator(".examples li")).to_have_count(2)
    page.get_by_role("button", name="Try 2 failed").click()
    expect(page.locator(".search .facts")).to_contain_text("waiting7")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".search .badge")).to_have_text("stopped")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".search .badge")).not_to_have_text("stopped")
    context.close()


def test_the_policy_is_changed_by_keyboard(page: Page, desk: Desk, quiet: list[str]) -> None:
    page.goto(desk.page)
    expect(page.locator("#intake")).to_contain_text("any, unknown ones too")
    tab_to(page, "Change it")
    page.keyboard.press("Enter")
    tab_to(page, "everything")
    page.keyboard.press("ArrowDown")
    tab_to(page, "licence.cc0")
    page.keyboard.press("Space")
    tab_to(page, "min_side")
    page.keyboard.type("128")
    page.keyboard.press("Enter")
    expect(page.locator("#intake dl")).to_contain_text("CC0")
    assert desk.intake() == IntakePolicy(licences=("cc0",), min_side=128)


def test_a_wrong_policy_keeps_what_was_typed_and_the_page_lives_on(page: Page, desk: Desk, quiet: list[str]) -> None:
    page.goto(desk.page)
    page.get_by_text("Change it").click()
    page.get_by_label("Shortest side").fill("a few")
    page.get_by_role("button", name="Change").click()
    field = page.get_by_label("Shortest side")
    expect(field).to_have_value("a few")
    expect(field).to_have_accessible_description(re.compile("A whole number, please."))
    expect(page.locator("#live")).to_have_text("This page keeps itself up to date.")
    desk.find(desk.start({"query": "car"}), 7)
    expect(page.locator(".search .facts")).to_contain_text("found7")
    expect(field).to_have_value("a few")
    assert desk.intake() == IntakePolicy()
    page.goto(page.url.partition("#")[0])  # as from a bookmark
    expect(page).to_have_url(f"{desk.page}#intake")


def test_another_site_cannot_start_a_search(page: Page, desk: Desk) -> None:
    fields = '<input name="source" value="openverse"><input name="openverse.query" value="car">'
    page.goto(f"data:text/html,<form method=post action={desk.page}>{fields}<button>Win a car</button></form>")
    with page.expect_response(desk.page) as posted:
        page.get_by_role("button").click()
    assert posted.value.status == 403
    assert desk.searches() == []


def test_the_page_is_accessible_in_every_state(page: Page, desk: Desk) -> None:
    page.goto(desk.page)
    expect(page.locator("#live")).not_to_be_empty()
    page.locator("details").evaluate_all("all => all.forEach((details) => (details.open = true))")
    assert violations_in_every_look(page) == []
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations_in_every_look(page) == []
    desk.fill()
    page.goto(f"{desk.page}?search={desk.searches()[0].id.partition(':')[2]}&outcome=timeout")
    expect(page.locator(".examples")).to_be_visible()
    page.locator("details").evaluate_all("all => all.forEach((details) => (details.open = true))")
    assert violations_in_every_look(page) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out(page: Page, desk: Desk, width: int) -> None:
    desk.fill()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{desk.page}?search={desk.searches()[0].id.partition(':')[2]}&outcome=timeout")
    page.locator("details").evaluate_all("all => all.forEach((details) => (details.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
