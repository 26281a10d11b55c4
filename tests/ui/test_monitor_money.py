"""The monitor and the money page in Chromium, with the real web process on the real MongoDB."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from active_learning.domain.access import UserRole
from api.operations import happenings, intake, monitoring, reconciling
from api.operations.context import Winnow, utc_now
from api.operations.reconciling import Difference, Kind
from api.store import Session
from tests import factories
from tests.ui.axe import violations_in_every_look
from tests.ui.office import Office

SLUG = "bright"


@pytest.fixture
def office(mongod_uri: str, page: Page) -> Iterator[Office]:
    """A web process and a category; an admin is signed in."""
    with ExitStack() as exits:
        office = Office(mongod_uri, exits)
        office.do(intake.create_category(office.w, factories.category(SLUG, wage_floor_cents=1_500)))
        office.sign_in(page)
        yield office


async def fails(w: Winnow, error: str) -> None:
    """A worker takes the job that trains, and gives up."""
    now = utc_now()
    await w.store.jobs.insert("train", {"category": SLUG, "round": 2}, now)
    job = await w.store.jobs.lease("host:1/0", ["train"], now, 60)
    assert job is not None
    news = await w.store.jobs.fail(job, "host:1/0", now, error, None)
    await happenings.failed(w, job, 1.0, error, news)


async def trains(w: Winnow) -> None:
    """A worker takes the job again and gets further."""
    now = utc_now()
    assert await w.store.jobs.lease("host:1/0", ["train"], now, 60) is not None
    await w.store.jobs.report("train:bright:2", "score_range", 3, 8, now)


def test_an_error_appears_by_itself_and_is_tried_again(page: Page, office: Office, quiet: list[str]) -> None:
    page.goto(f"{office.web}/monitor")
    expect(page.locator("#troubles")).to_contain_text("No worker runs")
    expect(page.locator("#live")).to_have_text("This page keeps itself up to date.")
    page.evaluate("window.loaded_once = true")
    office.do(monitoring.beat(office.w, "host:1", "worker", 3))
    office.do(fails(office.w, "MemoryError: <b>too</b> much"))
    trouble = page.locator(".trouble")
    expect(trouble).to_contain_text("MemoryError: <b>too</b> much")
    expect(page.locator("#happened")).to_contain_text("Train and score, round 2: MemoryError")
    differs = Difference(kind=Kind.SECOND, task="t", hit="3XXU1SWE8NEXAMPLEEXAMPLE123456", outcome="Expired there.")
    office.do(reconciling.keep(office.w, SLUG, 12, 1, [differs]))
    expect(page.locator("#markets")).to_contain_text("the same task is posted a second time")
    assert violations_in_every_look(page) == []

    button = trouble.get_by_role("button", name="Try again: Train and score, round 2 of bright")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".trouble")).to_have_count(0)
    office.do(trains(office.w))
    expect(page.locator("#running")).to_contain_text("Scoring the pool: 3 of 8 parts")
    expect(page.locator("#processes")).to_contain_text("Train and score, round 2")
    assert page.evaluate("window.loaded_once"), "the page was loaded anew"
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a phone has to scroll sideways"


def test_a_viewer_sees_the_error_and_no_button(page: Page, office: Office, quiet: list[str]) -> None:
    office.do(fails(office.w, "MemoryError"))
    page.context.clear_cookies()
    office.sign_in(page, UserRole.VIEWER)
    page.goto(f"{office.web}/monitor")
    expect(page.locator(".trouble")).to_contain_text("MemoryError")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


async def pays(w: Winnow) -> None:
    """Two people have worked; rewards went out on two days, and a top-up."""
    today = utc_now().date()

    async def work(session: Session) -> None:
        for name, ms, cents in (("ANNA", 450_000, 188), ("BEN", 120_000, 40)):
            await w.store.wages.count(SLUG, name, {"active_ms": ms, "earned_cents": cents, "submitted": 1}, session)
        await w.store.categories.count(SLUG, {"wages.active_ms": 570_000, "wages.earned_cents": 228}, session)
        for back in (0, 3):
            day = (today - timedelta(days=back)).isoformat()
            await w.store.spending.count(SLUG, day, "reward", (72, 60), session)
        await w.store.spending.count(SLUG, today.isoformat(), "floor", (154, 128), session)

    await w.store.transact(work)


def test_money_by_day_and_wages(page: Page, office: Office, quiet: list[str]) -> None:
    office.do(pays(office.w))
    page.goto(f"{office.web}/money")
    expect(page.locator("#spending svg .mark-rect path")).to_have_count(3)
    expect(page.locator("#wage-spread svg .mark-rect path")).to_have_count(2)
    expect(page.get_by_role("row", name="wage floor")).to_contain_text("$1.28")
    expect(page.get_by_role("row", name="BEN")).to_contain_text("$12.00")
    assert violations_in_every_look(page) == []
    page.locator("#spending svg .mark-rect path").first.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("dollars")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a phone has to scroll sideways"
    page.get_by_label("Last").select_option("7")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("spent in 7 days")).to_be_visible()
