"""What can go wrong while somebody works: real browser, real processes. Nothing may be lost or doubled."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from html import escape

import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from active_learning.domain.submission import Submission
from api.app import create_app
from tests.jobs.serving import Served
from tests.turk.served import free_port
from tests.ui.stack import Stack, press
from tests.ui.working import ready

OF = 24
CUT_S = 60 if os.environ.get("WINNOW_LONG") else 12
SAYS = {position: position % 3 == 0 for position in range(OF)}


@pytest.fixture(scope="module")
def stack(mongod_uri: str) -> Iterator[Stack]:
    """One for the module: its parts take a few seconds to start. Each test has a worker of its own."""
    with ExitStack() as exits:
        yield Stack(mongod_uri, exits)


def some(start: int, end: int) -> dict[int, bool]:
    return {position: SAYS[position] for position in range(start, end)}


def begin(page: Page, stack: Stack, worker: str) -> None:
    page.goto(stack.address(worker))
    expect(page.locator("#begin")).to_be_enabled()
    page.keyboard.press("Enter")


def submit(page: Page) -> None:
    expect(page.locator("#review")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_be_visible()


def stored(stack: Stack, worker: str) -> Submission:
    """The one submission of a worker, with the answers that were given."""
    assert stack.submissions_of(worker) == 1
    submission = stack.submission(f"ASG{worker}", worker)
    assert submission is not None
    assert {answer.position: answer.value for answer in submission.answers} == SAYS
    assert all(0 < answer.shown_ms <= answer.decided_ms for answer in submission.answers)
    return submission


def test_a_reload_at_any_image_goes_on_there(page: Page, stack: Stack) -> None:
    begin(page, stack, "RELOADS")
    for position in range(0, OF, 4):
        press(page, page, some(position, position + 4))
        if position + 4 < OF:
            ready(page, position + 4)
        page.reload()
        if position + 4 < OF:
            ready(page, position + 4)
    submit(page)
    stored(stack, "RELOADS")


def test_a_reload_in_the_middle_of_a_burst_loses_no_answer(page: Page, stack: Stack) -> None:
    begin(page, stack, "BURST")
    press(page, page, some(0, 9))
    page.reload()  # the last answers are only just given: they leave with the page
    ready(page, 9)
    press(page, page, some(9, OF))
    submit(page)
    stored(stack, "BURST")


def test_the_server_is_restarted_in_the_middle(page: Page, stack: Stack) -> None:
    begin(page, stack, "RESTART")
    press(page, page, some(0, 5))
    ready(page, 5)
    stack.server.stop()
    press(page, page, some(5, 9))
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    stack.server.start()
    press(page, page, some(9, OF))
    submit(page)
    stored(stack, "RESTART")


def test_the_network_is_cut_while_somebody_goes_on(page: Page, stack: Stack) -> None:
    begin(page, stack, "OFFLINE")
    press(page, page, some(0, 3))
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    ready(page, 3)
    cut_until = time.monotonic() + CUT_S
    page.context.set_offline(True)
    press(page, page, some(3, 10))
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    page.wait_for_timeout(1_000 * (cut_until - time.monotonic()))
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    document = stack.do(stack.w.store.assignments.get("ASGOFFLINE:OFFLINE"))
    assert document is not None
    assert len(document["answers"]) == 3
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    press(page, page, some(10, OF))
    submit(page)
    stored(stack, "OFFLINE")


def test_a_crash_while_offline_is_made_good_by_what_the_browser_kept(page: Page, stack: Stack) -> None:
    begin(page, stack, "CRASH")
    press(page, page, some(0, 4))
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    page.context.set_offline(True)
    press(page, page, some(4, 8))
    ready(page, 8)
    page.goto("about:blank")
    page.context.set_offline(False)
    page.goto(stack.address("CRASH"))
    ready(page, 8)
    press(page, page, some(8, OF))
    submit(page)
    stored(stack, "CRASH")


def test_two_tabs_make_one_submission(page: Page, stack: Stack) -> None:
    begin(page, stack, "TABS")
    other = page.context.new_page()
    begin(other, stack, "TABS")
    press(page, page, some(0, 10))
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    other.reload()
    ready(other, 10)
    press(other, other, some(10, OF))
    submit(other)
    page.reload()
    expect(page.locator("#review, #done, #trouble:not([hidden])").first).to_be_visible()
    if page.locator("#review").is_visible():
        page.keyboard.press("Enter")
        expect(page.locator("#done")).to_be_visible()
    stored(stack, "TABS")


def test_a_double_click_on_submit_is_one_submission(page: Page, stack: Stack) -> None:
    begin(page, stack, "DOUBLE")
    press(page, page, SAYS)
    expect(page.locator("#review")).to_be_visible()
    page.evaluate("() => { for (let n = 0; n < 3; n += 1) document.getElementById('submit').click(); }")
    expect(page.locator("#done")).to_be_visible()
    stored(stack, "DOUBLE")


def test_an_expired_token_says_what_to_do_and_keeps_the_answers(page: Page, stack: Stack) -> None:
    begin(page, stack, "EXPIRED")
    press(page, page, some(0, 4))
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    stack.ahead = timedelta(hours=3)
    try:
        press(page, page, some(4, 6))
        expect(page.locator("#trouble")).to_contain_text("This page has expired.")
        expect(page.locator("#saved")).to_have_attribute("data-state", "refused")
    finally:
        stack.ahead = timedelta()
    page.goto(stack.address("EXPIRED"))
    ready(page, 6)
    press(page, page, some(6, OF))
    submit(page)
    stored(stack, "EXPIRED")


def test_a_clock_that_is_set_changes_no_time(page: Page, stack: Stack) -> None:
    begin(page, stack, "CLOCK")
    press(page, page, some(0, 8))
    page.evaluate("() => { const real = Date.now; Date.now = () => real() - 26 * 3600 * 1000; }")
    press(page, page, some(8, OF))
    assert re.match(r"^(29|30|28):", page.locator("#time").inner_text()) or page.locator("#review").is_visible()
    submit(page)
    shown = [answer.shown_ms for answer in stored(stack, "CLOCK").answers]
    assert shown == sorted(shown)


def test_a_frame_without_an_origin_cookies_or_storage_works(page: Page, stack: Stack, quiet: list[str]) -> None:
    """The strictest sandbox: scripts and forms, nothing else. Its own server is another origin to it."""
    posted: list[bytes] = []

    async def host(request: Request) -> Response:
        return HTMLResponse(f'<title>M</title><iframe sandbox="allow-scripts allow-forms" src="{escape(address)}">')

    async def external_submit(request: Request) -> Response:
        posted.append(await request.body())
        return HTMLResponse("<p>Taken</p>")

    routes = [Route("/", host), Route("/mturk/externalSubmit", external_submit, methods=["POST"])]
    with ExitStack() as exits:
        market = Served(lambda: Starlette(routes=routes), free_port())
        exits.callback(market.stop)
        web = Served(lambda: create_app(replace(stack.settings, market_endpoint=market.url)), free_port())
        exits.callback(web.stop)
        address = stack.address("OPAQUE", turkSubmitTo=market.url).replace(stack.web, web.url)
        page.goto(market.url)
        page.frame_locator("iframe").locator("#begin").wait_for()
        frame = next(frame for frame in page.frames if "/tasks/" in frame.url)
        assert frame.evaluate("self.origin") == "null"
        expect(frame.locator("#begin")).to_be_enabled()
        frame.locator("#begin").click()
        press(page, frame, SAYS)
        expect(frame.locator("#review")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.frame_locator("iframe").get_by_text("Taken")).to_be_visible()
    assert len(posted) == 1
    assert b"assignmentId=ASGOPAQUE&receipt=" in posted[0]
    stored(stack, "OPAQUE")
