"""Both sites in Chromium: from an invitation over work, refusal and appeal to the payments, at desktop and phone width.

The task page in the frame is on another origin. Playwright's synchronous API keeps an event loop in its thread, so the
browser gets a thread of its own here.
"""

import csv
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.turk.requesters import PASSWORD, have_password
from tests.turk.served import external_question, post_hit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
SHOTS = os.environ.get("WINNOW_TEST_SCREENSHOTS", "")
LAB, SECRET_OF_ADA = "bird-lab", "seven small stones"
PAGE = b"""<!doctype html><title>task</title><p id="said">the module has not run</p>
<form method="post"><button>Submit</button></form><script type="module" src="/task.js"></script>"""
SCRIPT = b"""const given = new URLSearchParams(location.search), form = document.querySelector("form");
form.action = given.get("turkSubmitTo") + "/mturk/externalSubmit";
for (const [name, value] of [["assignmentId", given.get("assignmentId")], ["receipt", "R-9"]]) {
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
}
const reply = await fetch("/own-server");
document.getElementById("said").textContent = "own server said " + reply.status;"""


class TaskServer(BaseHTTPRequestHandler):
    """A requester's task page: a module script that talks to its own server, and a form to the marketplace."""

    def do_GET(self) -> None:
        script = self.path.startswith("/task.js")
        self.send_response(200)
        self.send_header("content-type", "text/javascript" if script else "text/html")
        self.end_headers()
        self.wfile.write(SCRIPT if script else PAGE)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def task_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), TaskServer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tasks/5"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (390, "dark")])
def test_from_an_invitation_to_the_payments(serve, task_url, width, colours):
    site = serve(sign_up="invited")
    have_password(site, LAB)
    client = site.requester(LAB)
    hit_ids = [post_hit(client, Question=external_question(task_url, "0")) for _ in range(3)]
    complaints: list[str] = []

    def opened(browser: Browser, name: str, **options: object) -> Person:
        look = {"viewport": {"width": width, "height": 800}, "color_scheme": colours, **options}
        page = browser.new_context(**look).new_page()  # type: ignore[arg-type]
        page.on("console", lambda entry: complaints.append(entry.text) if entry.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return Person(page, site.url, f"{name}-{width}")

    def browse() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            lab = opened(browser, "lab", permissions=["clipboard-read", "clipboard-write"])
            ada = opened(browser, "ada")
            ada_joins(ada, lab_invites(lab))
            ada_works(ada)
            lab_decides(lab)
            ada_appeals(opened(browser, "plain", java_script_enabled=False))
            lab_gives_in_and_pays(lab)
            ada_reads_what_she_earned(ada)
            lab_takes_the_payroll(lab)
            browser.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(browse).result()
    (mistyped,) = complaints
    assert "400 (Bad Request)" in mistyped, "the bonus"
    for hit_id in hit_ids[:2]:
        (found,) = client.list_assignments_for_hit(HITId=hit_id)["Assignments"]
        assert found["AssignmentStatus"] == "Approved" and "<FreeText>R-9</FreeText>" in found["Answer"]
    assert client.get_hit(HITId=hit_ids[2])["HIT"]["NumberOfAssignmentsPending"] == 0, "it was returned"


def in_chromium(look: Callable[[Page], None]) -> None:
    """Gives ``look`` a page of a browser, in a thread."""

    def browse() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            look(browser.new_page())
            browser.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(browse).result()


@dataclass(frozen=True)
class Person:
    """Somebody before a browser of their own."""

    page: Page
    url: str
    name: str

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def reads(self, text: str, look: str = "") -> None:
        """Waits for a text. With ``look`` the page is kept as a picture, and must fit the window."""
        self.page.get_by_text(text).first.wait_for()
        if look:
            fits = self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert fits, f"{look} is wider than the window"
            if SHOTS:
                self.page.screenshot(path=f"{SHOTS}/whole-{self.name}-{look}.png", full_page=True)

    def types(self, *texts: str) -> None:
        """By keyboard, from the field that has the focus; Enter sends the form."""
        self.page.locator("input:focus").wait_for()
        for number, text in enumerate(texts):
            if number:
                self.page.keyboard.press("Tab")
            self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def press(self, name: str, role: Literal["button", "link"] = "button") -> None:
        self.page.get_by_role(role, name=name, exact=True).first.press("Enter")


def lab_invites(lab: Person) -> str:
    """Gives the address of the invitation."""
    lab.go("/requester")
    lab.types(LAB, PASSWORD)
    lab.reads("free,", "hits")
    lab.go("/requester/invitations")
    lab.page.get_by_label("For whom").fill("Ada of the second year")
    lab.press("Make a link")
    lab.reads("0 of 1 used", "invitation")
    lab.press("Copy the invitation Ada of the second year")
    lab.reads("Copied")
    copied = str(lab.page.evaluate("navigator.clipboard.readText()"))
    assert copied == lab.page.locator("code").first.inner_text()
    return copied


def ada_joins(ada: Person, invitation: str) -> None:
    ada.page.goto(invitation)
    ada.reads("You are invited.", "join")
    ada.types("Ada", SECRET_OF_ADA, SECRET_OF_ADA)
    ada.reads("Available HITs", "list")


def ada_works(ada: Person) -> None:
    """Two are submitted, one after the other by itself; the third is returned."""
    page = ada.page
    ada.press("Preview Does this image show a 3?", "link")
    ada.reads("This is a preview.", "preview")
    page.get_by_label("and then the next ones automatically").check()
    ada.press("Accept")
    frame, going_on = page.frame_locator("#task"), page.get_by_label("Accept the next one automatically")
    for look in ("work", "next"):
        frame.get_by_text("own server said 200").wait_for()
        assert going_on.is_checked() and "left" in page.locator("#countdown").inner_text()
        ada.reads("left", look)
        before = page.url
        frame.get_by_role("button", name="Submit").press("Enter")
        page.wait_for_url(lambda url, before=before: url != before)
    with page.expect_response("**/going-on"):
        going_on.uncheck()
    ada.press("Return")
    ada.reads("Available HITs")
    ada.go("/earnings")
    ada.reads("2 in review", "pending")


def lab_decides(lab: Person) -> None:
    """One is approved, the other is refused with a reason."""
    for decision, words, said in (
        ("Approve and pay", "Lovely.", "Approved 1 submission."),
        ("Reject", "All were no.", "Rejected 1 submission."),
    ):
        lab.go("/requester?state=review")
        lab.press("Does this image show a 3?", "link")
        lab.reads("R-9", f"review-{decision[:6]}")
        lab.page.get_by_role("checkbox", name="Ada").press("Space")
        lab.page.get_by_label("What the worker reads").fill(words)
        lab.press(decision)
        lab.reads(said)


def ada_appeals(ada: Person) -> None:
    """Without scripts: she signs in, reads why, and asks to look at it again."""
    ada.go("/earnings?state=Rejected")
    ada.types("Ada", SECRET_OF_ADA)
    ada.reads("Reason: All were no.", "refused")
    ada.press("Appeal", "link")
    ada.page.get_by_label("Why should the requester look at it again?").fill("Number 12 shows one.")
    ada.press("Send the appeal")
    ada.reads("Your appeal", "appeal")


def lab_gives_in_and_pays(lab: Person) -> None:
    lab.go("/requester")
    lab.reads("to answer", "waiting")
    lab.press("1 appeal", "link")
    lab.reads("Number 12 shows one.", "appeal")
    lab.page.get_by_label("Your answer").fill("You are right, sorry.")
    lab.press("Approve and pay")
    lab.reads("Approved: You are right, sorry.")
    lab.press("Does this image show a 3?", "link")
    lab.page.get_by_label("US dollars").fill("1,50")
    lab.page.get_by_label("Reason, which the worker reads").fill("For the trouble.")
    lab.press("Pay the bonus")
    lab.reads("The bonus must be an amount in US dollars like 0.05", "mistyped")
    lab.press("Go back")
    lab.page.get_by_label("US dollars").fill("0.25")
    assert lab.page.get_by_label("Reason, which the worker reads").input_value() == "For the trouble."
    lab.press("Pay the bonus")
    lab.reads("bonus $0.25", "bonus")


def ada_reads_what_she_earned(ada: Person) -> None:
    ada.go("/earnings")
    ada.reads("2 done")
    ada.reads("Feedback: You are right, sorry.", "earned")
    totals = ada.page.locator(".totals .card").all_inner_texts()
    assert [text.split()[1] for text in totals] == ["$1.00", "$0.00", "$0.25", "$0.00"]
    ada.reads("For the trouble.")


def lab_takes_the_payroll(lab: Person) -> None:
    lab.go("/requester/money")
    lab.reads("Paid to workers", "money")
    with lab.page.expect_download() as download:
        lab.press("Download CSV")
    (row,) = csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines())
    assert (row["name"], row["total USD"]) == ("Ada", "1.25")
