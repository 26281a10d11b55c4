"""The site in Chromium: from signing in to the next HIT, with a task page on another origin in the frame.

Playwright's synchronous API keeps an event loop in its thread, so the browser gets a thread of its own here.
"""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.turk.served import external_question, post_hit

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
