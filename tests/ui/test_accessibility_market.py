"""axe-core finds nothing on any page of the marketplace's site, in any look."""

import time
from collections.abc import Iterator

import pymongo
import pytest
from playwright.sync_api import Page, expect

from tests.jobs.serving import Served
from tests.turk.forms import REQUIRED, form, question, selection
from tests.turk.served import MovableClock, Site, free_port, post_hit, turk_settings
from tests.ui.axe import violations_in_every_look
from workers.turk.app import create_app

PASSWORD = "seven small stones"
QUESTION = (
    '<HTMLQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd">'
    "<HTMLContent><![CDATA[<!doctype html><title>task</title><p>A task.</p>]]></HTMLContent>"
    "<FrameHeight>450</FrameHeight></HTMLQuestion>"
)


@pytest.fixture(scope="module")
def site(mongod_uri: str) -> Iterator[Site]:
    """A marketplace of its own for this module."""
    port = free_port()
    settings = turk_settings(mongod_uri, port, sign_up="open", sweep_seconds=3600.0)
    clock = MovableClock()
    server = Served(lambda: create_app(settings, clock), port)
    yield Site(settings.public_url, settings, clock, pymongo.MongoClient(mongod_uri)[settings.database])
    server.stop()


@pytest.fixture
def hits(site: Site) -> Iterator[list[str]]:
    """Three HITs of a requester of their own, gone after the test."""
    requester = site.requester()
    found = [post_hit(requester, Question=QUESTION, Title=f"Does this show a {n}?") for n in range(3)]
    yield found
    for hit in found:
        requester.update_expiration_for_hit(HITId=hit, ExpireAt=0)


def sign_in(page: Page, site: Site) -> None:
    """A worker who has done nothing yet."""
    page.goto(f"{site.url}/join")
    page.get_by_label("Your name").fill(f"Ada {time.time_ns()}")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Available HITs")


def accept(page: Page, site: Site, hit: str) -> str:
    """Accept in the browser; gives the assignment."""
    page.goto(f"{site.url}/hits/{hit}")
    page.get_by_role("button", name="Accept").click()
    page.locator("#countdown").wait_for()
    return page.url.rpartition("/")[2]


def submit(page: Page, site: Site, assignment: str) -> None:
    """Submit as a frame does."""
    sent = page.request.post(f"{site.url}/mturk/externalSubmit", form={"assignmentId": assignment, "receipt": "R"})
    assert sent.ok


def test_before_there_is_anything(page: Page, site: Site) -> None:
    page.goto(site.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
    assert violations_in_every_look(page) == []
    page.get_by_label("Your name").fill("Nobody")
    page.get_by_label("Password").fill("of no account")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/join")
    assert violations_in_every_look(page) == []
    sign_in(page, site)
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/earnings")
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    assert violations_in_every_look(page) == []


def test_choosing_and_working(page: Page, site: Site, hits: list[str]) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/hits/{hits[0]}")
    expect(page.get_by_role("note")).to_contain_text("Accept the HIT")
    assert violations_in_every_look(page) == []
    accept(page, site, hits[0])
    assert violations_in_every_look(page) == []
    page.goto(site.url)
    expect(page.get_by_text("Your work in progress")).to_be_visible()
    expect(page.locator(".cards .card")).to_have_count(2)
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/hits/{hits[0]}")
    expect(page.get_by_role("note")).to_contain_text("No places are left.")
    assert violations_in_every_look(page) == []


def test_what_became_of_the_work(page: Page, site: Site) -> None:
    requester = site.requester()
    approved, rejected, returned = (post_hit(requester, Question=QUESTION) for _ in range(3))
    sign_in(page, site)
    done = {hit: accept(page, site, hit) for hit in (approved, rejected, returned)}
    page.get_by_role("button", name="Return").click()
    for hit in (approved, rejected):
        submit(page, site, done[hit])
    page.goto(f"{site.url}/assignments/{done[approved]}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Submitted. Thank you!")
    assert violations_in_every_look(page) == []

    worker = requester.list_assignments_for_hit(HITId=approved)["Assignments"][0]["WorkerId"]
    requester.approve_assignment(AssignmentId=done[approved], RequesterFeedback="Thank you.")
    requester.reject_assignment(AssignmentId=done[rejected], RequesterFeedback="All answers were yes.")
    requester.send_bonus(
        WorkerId=worker, BonusAmount="0.10", AssignmentId=done[approved], Reason="Careful.", UniqueRequestToken="b1"
    )
    for hit, words in ((approved, "Approved"), (rejected, "Rejected"), (returned, "Returned")):
        page.goto(f"{site.url}/assignments/{done[hit]}")
        expect(page.get_by_role("heading", level=1)).to_have_text(words)
        assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/assignments/{done[rejected]}")
    page.get_by_label("Why should the requester look at it again?").fill("They were yes.")
    page.get_by_role("button", name="Send the appeal").click()
    expect(page.get_by_role("heading", name="Your appeal")).to_be_visible()
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/earnings")
    expect(page.get_by_text("All answers were yes.")).to_be_visible()
    expect(page.get_by_text("Careful.")).to_be_visible()
    assert violations_in_every_look(page) == []


def test_errors_and_what_the_frame_shows(page: Page, site: Site, hits: list[str]) -> None:
    page.goto(f"{site.url}/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page.")
    assert violations_in_every_look(page) == []
    sign_in(page, site)
    assignment = accept(page, site, hits[0])
    for words in ("Thank you, submitted", "Not submitted"):
        page.goto(site.url)
        page.evaluate(
            """assignment => {
                const make = (tag, values) => Object.assign(document.createElement(tag), values);
                const form = make("form", { method: "post", action: "/mturk/externalSubmit" });
                form.append(make("input", { name: "assignmentId", value: assignment }));
                document.body.append(form);
                form.submit();
            }""",
            assignment if words.startswith("Thank") else "nothing",
        )
        expect(page.get_by_role("heading", level=1)).to_have_text(words)
        assert violations_in_every_look(page) == []


def test_the_account_and_messages(page: Page, site: Site, hits: list[str]) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/account")
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/messages")
    expect(page.get_by_text("Nobody has written to you.")).to_be_visible()
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/hits/{hits[0]}/message")
    assert violations_in_every_look(page) == []
    page.get_by_label("Message", exact=True).fill("Is a toy one?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Is a toy one?")).to_be_visible()
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/messages")
    assert violations_in_every_look(page) == []


def test_qualifications(page: Page, site: Site) -> None:
    requester = site.requester()
    shown = {"Description": "Tells birds apart.", "QualificationTypeStatus": "Active"}
    birds = form(question("bird", selection("sparrow", "robin"), more=REQUIRED))
    plain = requester.create_qualification_type(Name="Plain", **shown)["QualificationType"]["QualificationTypeId"]
    tested = requester.create_qualification_type(Name="Birds", Test=birds, TestDurationInSeconds=300, **shown)
    kind = tested["QualificationType"]["QualificationTypeId"]
    asked = [{"QualificationTypeId": kind, "Comparator": "Exists"}]
    hit = post_hit(requester, Question=QUESTION, QualificationRequirements=asked)
    sign_in(page, site)
    page.goto(f"{site.url}/hits/{hit}")
    expect(page.get_by_text("asked: any value; yours: none")).to_be_visible()
    assert violations_in_every_look(page) == []
    for one, words in ((plain, "Ask for it"), (kind, "Begin the test")):
        page.goto(f"{site.url}/qualifications/{one}")
        assert violations_in_every_look(page) == []
        page.get_by_role("button", name=words).click()
        page.wait_for_url(f"**/{one}/test" if one == kind else f"**/{one}")
    assert violations_in_every_look(page) == []
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations_in_every_look(page) == []
    page.goto(f"{site.url}/qualifications")
    expect(page.get_by_text("asked for; the requester decides")).to_be_visible()
    assert violations_in_every_look(page) == []
    requester.update_expiration_for_hit(HITId=hit, ExpireAt=0)
