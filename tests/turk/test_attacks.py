"""What a stranger, a worker or a requester of bad will tries at the site: nothing is stored, and no script of his runs.

Other tenants' HITs are in ``test_conformance``, other workers' assignments and previews in ``test_site``, the
requesters' own forms in ``test_requester_site``.
"""

from typing import Any

import httpx
import pytest
from itsdangerous import URLSafeSerializer
from playwright.sync_api import Page
from starlette.routing import Route

from tests.turk.served import TLS, external_question, post_hit
from tests.turk.test_browser import CHROMIUM, in_chromium
from workers.turk.app import create_app

FREE = {"/", "/sign-in", "/join", "/mturk/externalSubmit"}
"""Calls that are signed, and forms that somebody sends who is not signed in."""

HTML = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd"
SPY = """<!DOCTYPE html><p id="said">nothing</p><script>
const found = [];
for (const [name, look] of [
  ["page", () => parent.document.title], ["cookie", () => document.cookie], ["storage", () => localStorage.length],
  ["navigation", () => { top.location = "about:blank"; throw new Error("asked"); }],
]) {
  try { look(); found.push(name); } catch (error) { }
}
fetch("/session.json", { credentials: "include" }).then((reply) => reply.json()).then(
  () => { found.push("session"); }, () => {},
).finally(() => { document.getElementById("said").textContent = "got: " + found.join(" "); });
</script>"""


@pytest.fixture(scope="module")
def own(serve):
    """A marketplace where nobody else does anything meanwhile."""
    return serve()


def stored(site: Any) -> dict[str, list[Any]]:
    """Everything but what limits guesses."""
    names = sorted(set(site.database.list_collection_names()) - {"attempts"})
    return {name: list(site.database[name].find().sort("_id", 1)) for name in names}


def test_no_form_does_anything_without_the_sessions_token(own):
    requester, worker, other = own.requester(), own.worker(), own.worker()
    hit_id = post_hit(requester)
    known = {"hit_id": hit_id, "assignment_id": worker.accept(post_hit(requester))}
    forms = [r for r in create_app(own.settings).routes if isinstance(r, Route) and "POST" in (r.methods or ())]
    paths = [
        str(form.url_path_for(form.name, **{name: known.get(name, "A" * 32) for name in form.param_convertors}))
        for form in forms
        if form.path not in FREE and not form.path.startswith("/requester/")
    ]
    assert len(paths) >= 8
    stranger = httpx.Client(base_url=own.url, verify=TLS)
    before = stored(own)
    for path in paths:
        # Signed in, but the form is another site's, or another worker's.
        for token in ("", "wrong", other.csrf):
            assert worker.http.post(path, data={"csrf": token}).status_code in {401, 403}, path
        for site in ("cross-site", "same-site"):
            crossed = worker.http.post(path, data={"csrf": worker.csrf}, headers={"sec-fetch-site": site})
            assert crossed.status_code in {401, 403}, path
        assert stranger.post(path, data={"csrf": worker.csrf}).status_code in {401, 403}, path
        large = {"csrf": worker.csrf, "text": "x" * 10_000_000}
        assert worker.http.post(path, data=large).status_code in {401, 403, 413}, path
    assert stored(own) == before


def test_a_session_ends_and_cannot_be_made(own):
    worker, other, hit_id = own.worker(), own.worker(), post_hit(own.requester())
    signed = worker.http.cookies["winnow_turk"]
    content = URLSafeSerializer(own.settings.secret, salt="winnow-turk-session").loads(signed)
    elsewhere = URLSafeSerializer("a secret of somebody else", salt="winnow-turk-session")
    another_use = URLSafeSerializer(own.settings.secret, salt="another use")
    body, _, signature = signed.partition(".")
    forged = [
        *(elsewhere.dumps(content), another_use.dumps(content), f"{body}.", body, ""),
        f"{other.http.cookies['winnow_turk'].partition('.')[0]}.{signature}",
    ]
    for cookie in forged:
        thief = httpx.Client(base_url=own.url, cookies={"winnow_turk": str(cookie)}, verify=TLS)
        assert thief.get("/session.json").status_code == 401
        assert thief.post(f"/hits/{hit_id}/accept", data={"csrf": worker.csrf}).status_code == 401
    own.clock.move(days=31)
    assert worker.try_accept(hit_id).status_code == 401
    assert own.database["assignments"].count_documents({"hit": hit_id}) == 0


def test_ten_megabytes_are_refused_before_they_are_read(own):
    for path in ("/", "/sign-in", "/mturk/externalSubmit"):
        reply = httpx.post(own.url + path, content=b"name=" + b"x" * 10_000_000, verify=TLS)
        assert reply.status_code == 413, path


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_no_script_of_a_requester_runs_on_the_site_and_his_frame_reaches_nothing(own):
    requester = own.requester()
    attack = "<script>attacked = 1</script><img src=/x onerror='attacked = 2'>\"'><svg/onload=attacked=3>{{7*7}}"
    link = "javascript:attacked=4"
    worker = own.worker("Ada")
    texts = {"Title": attack, "Description": f"{link} {attack}", "Keywords": attack, "Reward": "0.01"}
    done = post_hit(requester, **texts)
    assignment_id = worker.accept(done)
    worker.submit(assignment_id, receipt=attack)
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback=attack)
    requester.notify_workers(Subject=attack, MessageText=attack, WorkerIds=[worker.id])
    question = f'<HTMLQuestion xmlns="{HTML}"><HTMLContent><![CDATA[{SPY}]]></HTMLContent>'
    spying = post_hit(requester, **texts, Question=f"{question}<FrameHeight>300</FrameHeight></HTMLQuestion>")
    thread = own.database["messages"].find_one({"worker": worker.id})["thread"]
    paths = ["/", f"/hits/{spying}", f"/assignments/{assignment_id}", "/earnings", "/messages", f"/messages/{thread}"]
    ran: list[object] = []

    def look(page: Page) -> None:
        page.on("dialog", lambda dialog: ran.append(dialog.message))
        page.goto(own.url)
        page.locator("input:focus").wait_for()
        page.keyboard.type("Ada")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Sign out").wait_for()
        for path in [*paths, f"/hits/{post_hit(requester, **texts, Question=external_question())}"]:
            page.goto(own.url + path)
            if page.evaluate("typeof attacked !== 'undefined' || document.querySelector('img, svg[onload]') !== null"):
                ran.append(path)
            assert "attacked = 1" in page.content(), path
        page.goto(f"{own.url}/hits/{spying}")
        said = page.frame_locator("#task").locator("#said")
        said.filter(has_text="got:").wait_for()
        assert said.inner_text().strip() == "got:"
        assert page.url == f"{own.url}/hits/{spying}"

    in_chromium(look)
    assert ran == []
