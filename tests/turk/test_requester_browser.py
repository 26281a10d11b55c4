"""The requesters' site in Chromium: by keyboard, on a light desk and a dark phone, without a complaint of axe's."""

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.turk.requesters import PASSWORD, have_password
from tests.turk.served import post_hit
from tests.turk.test_browser import CHROMIUM, QUIET
from tests.ui.axe import violations

NAME = "my-lab"
LOOKS: tuple[tuple[Literal["light", "dark"], int, int], ...] = (("light", 1280, 800), ("dark", 360, 740))
PLACES = ("", "/workers", "/qualifications", "/appeals", "/messages", "/invitations", "/money", "/account")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_from_signing_in_to_a_payment(serve):
    site = serve()
    have_password(site, NAME)
    client = site.requester(NAME)
    hit_id = post_hit(client, 3, Title="Which birds are in this picture, and how many of each do you see?")
    workers = [site.worker(name) for name in ("Ada", "Bob")]
    done = [worker.accept(hit_id) for worker in workers]
    for worker, assignment in zip(workers, done, strict=True):
        worker.submit(assignment, birds="a robin, two sparrows", comment="word" * 40)
    client.reject_assignment(AssignmentId=done[1], RequesterFeedback="Too fast.")
    workers[1].http.post(f"/assignments/{done[1]}/appeal", data={"csrf": workers[1].csrf, "text": "I know birds."})
    client.notify_workers(Subject="Hello", MessageText="Thanks for the work.", WorkerIds=[workers[1].id])
    thread = site.database.messages.find_one()["thread"]
    made = client.create_qualification_type(Name="Birds", Description="Knows.", QualificationTypeStatus="Active")
    kind = made["QualificationType"]["QualificationTypeId"]
    workers[0].http.post(f"/qualifications/{kind}/ask", data={"csrf": workers[0].csrf})
    client.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=workers[1].id, IntegerValue=5)
    pages = [*PLACES, f"/hits/{hit_id}", f"/qualifications/{kind}", f"/workers/{workers[0].id}", f"/messages/{thread}"]
    complaints: list[str] = []

    def browse() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page(viewport={"width": 390, "height": 844})
            page.on("console", lambda entry: complaints.append(entry.text) if entry.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            _sign_in(page, site.url, complaints)
            _look(page, site.url, pages, complaints)
            _approve(page, f"{site.url}/requester/hits/{hit_id}")
            browser.close()

    with ThreadPoolExecutor(1) as thread_of_browser:
        thread_of_browser.submit(browse).result()
    assert complaints == []
    assert client.get_assignment(AssignmentId=done[0])["Assignment"]["RequesterFeedback"] == "Lovely."


def _sign_in(page: Page, url: str, complaints: list[str]) -> None:
    page.goto(f"{url}/requester")
    complaints += violations(page)
    page.locator("input:focus").wait_for()
    page.keyboard.type(NAME)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="HITs", exact=True).wait_for()


def _look(page: Page, url: str, places: list[str], complaints: list[str]) -> None:
    for place in places:
        page.goto(f"{url}/requester{place}")
        for colours, width, height in LOOKS:
            page.emulate_media(color_scheme=colours)
            page.set_viewport_size({"width": width, "height": height})
            complaints += [f"{place or '/'} {width}: {each}" for each in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            complaints.append(f"{place or '/'} is wider than a phone")


def _approve(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("checkbox", name="Ada").focus()
    page.keyboard.press("Space")
    page.get_by_label("What the worker reads").fill("Lovely.")
    page.get_by_role("button", name="Approve and pay").press("Enter")
    page.get_by_text("Approved 1 submission.").wait_for()
