"""The site in Chromium: from signing in to the next HIT, with a task page on another origin in the frame.

Playwright's synchronous API keeps an event loop in its thread, so the browser gets a thread of its own here.
"""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.turk.served import Site, external_question, post_hit
from workers.turk import invitations
from workers.turk.database import Database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
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


async def invite(site: Site) -> str:
    """The address of an invitation for one person."""
    database, now = Database(site.settings.mongodb_uri, site.settings.database), site.clock()
    made = await invitations.make(database, None, now, uses=1, until=now + timedelta(days=1))
    await database.close()
    return site.url + invitations.path(made["_id"])


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
def test_from_signing_in_to_the_next_hit(serve, task_url, width, colours):
    site = serve()
    requester = site.requester("BROWSER")
    hit_ids = [post_hit(requester, Question=external_question(task_url, "0")) for _ in range(2)]
    complaints: list[str] = []

    def browse() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
            page.on("console", lambda entry: complaints.append(entry.text) if entry.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            _walk(page, site.url)
            browser.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(browse).result()
    assert complaints == []
    found = requester.list_assignments_for_hit(HITId=hit_ids[0])["Assignments"]
    assert len(found) == 1 and "<FreeText>R-9</FreeText>" in found[0]["Answer"]
    assert requester.get_hit(HITId=hit_ids[1])["HIT"]["NumberOfAssignmentsPending"] == 1


def _walk(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("input:focus").wait_for()
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Preview Does this image show a 3?").click()
    page.get_by_text("This is a preview.").wait_for()
    page.get_by_role("button", name="Accept").click()
    frame = page.frame_locator("#task")
    frame.get_by_text("own server said 200").wait_for()
    assert "left" in page.locator("#countdown").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
    frame.get_by_role("button", name="Submit").click()
    page.get_by_role("heading", name="Submitted. Thank you!").wait_for()
    page.get_by_role("button", name="Accept the next one").click()
    frame.get_by_text("own server said 200").wait_for()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_from_an_invitation_to_an_appeal(serve, task_url):
    site = serve(sign_up="invited")
    requester = site.requester("LAB")
    hit_ids = [post_hit(requester, Question=external_question(task_url, "0")) for _ in range(3)]
    invitation = asyncio.run(invite(site))

    def submitted(hit_id: str) -> str:
        (found,) = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"]
        return str(found["AssignmentId"])

    def browse() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            _join_and_go_on(browser, invitation)
            requester.reject_assignment(AssignmentId=submitted(hit_ids[0]), RequesterFeedback="All were no.")
            _appeal_without_scripts(browser, site.url)
            browser.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(browse).result()
    assert submitted(hit_ids[1])
    assert requester.get_hit(HITId=hit_ids[2])["HIT"]["NumberOfAssignmentsPending"] == 0
    (appeal,) = site.database["appeals"].find()
    assert (appeal["_id"], appeal["text"]) == (submitted(hit_ids[0]), "Number 12 shows one.")


def _join_and_go_on(browser: Browser, invitation: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(invitation)
    # The name has the focus; the rest is reached by the keyboard.
    page.locator("input:focus").wait_for()
    for text in ("Ada", "seven small stones", "seven small stones"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Preview").click()
    page.get_by_label("and then the next ones automatically").check()
    page.get_by_role("button", name="Accept").click()
    frame, going_on = page.frame_locator("#task"), page.get_by_label("Accept the next one automatically")
    for _ in range(2):
        frame.get_by_text("own server said 200").wait_for()
        assert going_on.is_checked()
        before = page.url
        frame.get_by_role("button", name="Submit").click()
        page.wait_for_url(lambda url, before=before: url != before)
    with page.expect_response("**/going-on"):
        going_on.uncheck()
    page.get_by_role("button", name="Return").click()
    page.get_by_role("heading", name="HITs you can do now").wait_for()
    page.close()


def _appeal_without_scripts(browser: Browser, url: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{url}/earnings")
    page.locator("input:focus").wait_for()
    page.keyboard.type("Ada")
    page.keyboard.press("Tab")
    page.keyboard.type("seven small stones")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Appeal").click()
    page.get_by_label("Why should the requester look at it again?").fill("Number 12 shows one.")
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_role("heading", name="Your appeal").wait_for()
