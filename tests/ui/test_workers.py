"""Pages about workers in Chromium: from a flag to a decision, and from a refusal to the worker's appeal and pay."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from api.operations import tokens
from tests.api import crowded
from tests.api.working import SLUG
from tests.ui.axe import violations_in_every_look
from tests.ui.office import Office


@pytest.fixture(scope="module")
def office(mongod_uri: str) -> Iterator[Office]:
    """A web process, and a crowd that has done two tasks."""
    with ExitStack() as exits:
        office = Office(mongod_uri, exits)
        people = (*crowded.HONEST, crowded.FAST, crowded.LAZY)
        office.do(crowded.crowd(office.w, people, refusals="by_hand", false_refusal=0.2))
        yield office


def test_an_admin_from_a_flag_to_a_decision_and_the_workers_appeal(
    page: Page, office: Office, browser: Browser, quiet: list[str]
) -> None:
    office.sign_in(page)
    page.goto(office.web)
    page.get_by_role("navigation", name="Winnow").get_by_role("link", name="Workers").click()
    page.get_by_label("Flags").select_option("open")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".people tbody tr")).to_have_count(2)
    expect(page.get_by_role("row", name=crowded.FAST)).to_contain_text("Too fast")
    page.get_by_role("link", name=crowded.LAZY).click()

    flag = page.locator(".flag")
    expect(flag).to_contain_text("Said no to all 120 images")
    expect(page.locator("#speeds svg")).to_be_visible()
    expect(page.locator("#accuracies svg")).to_be_visible()
    flag.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("a confirmed flag needs a note")
    flag.get_by_label("What you saw").fill("No to <b>every</b> image.")
    flag.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_contain_text("It has refused nothing")
    expect(flag).to_contain_text("admin confirmed it")
    expect(flag).to_contain_text("No to <b>every</b> image.")

    page.locator("#submissions tbody a").first.click()
    expect(page.locator("#timing svg .mark-symbol path")).to_have_count(60)
    expect(page.locator("#pay-title")).to_contain_text("waits for a decision")
    page.locator("#timing svg .mark-symbol path").nth(4).dispatch_event("click")
    expect(page.locator("li:target")).to_have_count(1)
    page.get_by_text("Refuse it", exact=True).click()
    page.get_by_label("Reason, which they read").first.fill("You said no to every image.")
    page.get_by_role("button", name="Refuse pay").click()
    expect(page.locator("#pay-title")).to_contain_text("is being refused")
    submission = page.url.partition("/submissions/")[2].partition("?")[0].replace("%3A", ":")
    office.do(crowded.pay_all(office.w))

    worker = browser.new_page(locale="de-DE")
    worker.goto(f"{office.web}/appeals/{tokens.appeal(office.w, submission)}")
    expect(worker.get_by_role("heading", level=1)).to_have_text("Ihre Arbeit wurde nicht bezahlt")
    worker.get_by_role("textbox").fill("Auf dem Telefon waren alle Bilder dunkel.")
    worker.get_by_role("button", name="Absenden").click()
    expect(worker.get_by_role("status")).to_contain_text("Wir haben es erhalten")
    assert violations_in_every_look(worker) == []

    page.goto(f"{office.web}/workers")
    page.get_by_role("link", name="1 appeal").click()
    expect(page.locator(".appeal blockquote")).to_have_text("Auf dem Telefon waren alle Bilder dunkel.")
    page.get_by_label("Your answer, which they read").fill("You are right, our pictures were dark.")
    page.get_by_role("button", name="Accept and pay").click()
    expect(page.get_by_role("status")).to_contain_text("being paid")
    office.do(crowded.pay_all(office.w))
    worker.reload()
    expect(worker.get_by_role("heading", level=1)).to_have_text("Ihre Arbeit ist bezahlt")
    expect(worker.locator(".notice")).to_contain_text("our pictures were dark")
    worker.close()
    entry = office.do(office.w.store.payments.get(f"{submission.partition(':')[0]}:override"))
    assert entry is not None
    assert (entry["reward"], entry["by"], entry["done_at"] is not None) == (90, "admin", True)


def test_every_page_about_workers_is_for_everybody(page: Page, office: Office, quiet: list[str]) -> None:
    office.sign_in(page)
    one = crowded.LAZY
    submission = office.do(office.w.store.submissions.newest(SLUG, one, None, 1))[0].id
    for path in (
        "/workers",
        f"/workers/{one}",
        f"/workers/{one}/submissions/{submission}",
        f"/workers/compare?w={one}&w={crowded.FAST}&w={crowded.HONEST[0]}",
        "/workers/appeals",
    ):
        page.goto(office.web + path)
        if page.locator(".chart").count():
            expect(page.locator(".chart svg").first).to_be_visible()
        page.locator("details").evaluate_all("all => all.forEach((details) => (details.open = true))")
        assert violations_in_every_look(page) == [], path
        page.set_viewport_size({"width": 390, "height": 844})
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
