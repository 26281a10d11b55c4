"""A HIT with a QuestionForm: over HTTP, and in Chromium by keyboard, on a phone and without script."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, Playwright, sync_playwright

from tests.turk.forms import OTHER, REQUIRED, counts, form, free_text, question, selection
from tests.turk.served import post_hit, refused
from tests.turk.test_site import Tags
from tests.ui.axe import violations_in_every_look
from workers.turk.review_policies import read_answers

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
# A style that browsers follow even where it is only a suggestion.
DROPDOWN = "<StyleSuggestion>dropdown</StyleSuggestion>"
CONTENT = """<Title>The board &lt;b&gt;</Title><Text>Look closely &amp; decide.</Text>
<List><ListItem>one</ListItem></List><FormattedContent><![CDATA[<p>A <b>bold</b> <a href="https://a.example/more">word</a></p>
<table border="1"><tr><td>X</td></tr></table>]]></FormattedContent>"""
AGE = '<IsNumeric minValue="18" maxValue="99"/>'
FORM = form(
    f"<Overview>{CONTENT}</Overview>",
    question("seen", selection("cat", "dog", after=OTHER), "<Text>What do you see?</Text>", REQUIRED),
    question("more", selection("red", "old", "big", before=counts(0, 2)), "<Text>What else is it?</Text>"),
    question("where", selection("in", "out", before=DROPDOWN), "<Text>Where?</Text>", REQUIRED),
    question("age", free_text(AGE), "<Text>How old are you?</Text>", f"<DisplayName>Your age</DisplayName>{REQUIRED}"),
    question(
        "why",
        free_text(
            '<AnswerFormatRegex regex="^\\S+ \\S+" errorText="Use two words or more."/>',
            "<NumberOfLinesSuggestion>3</NumberOfLinesSuggestion>",
        ),
        "<Text>Why?</Text>",
    ),
)
GOOD = [("q1", "cat"), ("q2", "red"), ("q2", "big"), ("q3", "out"), ("q4", "40"), ("q5", "It \r\n<purrs>")]


def send(worker, assignment_id, fields, token=None):
    body = urlencode([("csrf", worker.csrf if token is None else token), *fields])
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return worker.http.post(f"/assignments/{assignment_id}/answers", content=body, headers=headers)


def test_a_form_is_shown_filled_in_and_stored(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, Question=FORM)
    assert requester.get_hit(HITId=hit_id)["HIT"]["Question"] == FORM
    preview = worker.http.get(f"/hits/{hit_id}")
    assert preview.status_code == 200
    assert "The board &lt;b&gt;" in preview.text and "Look closely &amp; decide." in preview.text
    shown = Tags(preview.text).found
    assert sum(tag == "fieldset" for tag, _ in shown) == 5
    assert all("disabled" in values for tag, values in shown if tag == "fieldset"), "a preview cannot be filled in"
    assert not [values for tag, values in shown if values.get("action", "").endswith("/answers")]
    assignment_id = worker.accept(hit_id)
    page = worker.http.get(f"/assignments/{assignment_id}")
    assert "media-src http: https:" in page.headers["content-security-policy"]
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert send(worker, assignment_id, GOOD).status_code == 303
    found = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"][0]
    assert read_answers(found["Answer"]) == {
        "seen": {"cat"},
        "more": {"red", "big"},
        "where": {"out"},
        "age": {"40"},
        "why": {"It \n<purrs>"},
    }
    assert "<SelectionIdentifier>red</SelectionIdentifier><SelectionIdentifier>big" in found["Answer"]
    again = send(worker, assignment_id, [*GOOD[:-1], ("q5", "Other words")])
    assert again.status_code == 303
    assert requester.list_assignments_for_hit(HITId=hit_id)["Assignments"][0]["Answer"] == found["Answer"]


def test_what_is_missing_is_said_and_what_was_typed_is_kept(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, Question=FORM)
    assignment_id = worker.accept(hit_id)
    typed = [("q1", ""), ("q1.other", "an owl"), ("q2", "old"), ("q3", ""), ("q4", "17"), ("q5", '"Long" <work>')]
    reply = send(worker, assignment_id, typed)
    assert reply.status_code == 422
    tags = Tags(reply.text)
    assert 'href="#q3">Question 3</a>: This question needs an answer.' in reply.text
    assert 'href="#q4">Your age</a>: The number must be at least 18.' in reply.text
    assert (
        tags.one("input", id="q4-field")["aria-invalid"] == "true" and tags.one("input", id="q4-field")["value"] == "17"
    )
    assert tags.one("input", id="q1-other")["value"] == "an owl" and "checked" in tags.one("input", id="q1-3")
    assert "checked" in tags.one("input", id="q2-2") and "checked" not in tags.one("input", id="q2-1")
    assert "&lt;work&gt;</textarea>" in reply.text
    assert requester.list_assignments_for_hit(HITId=hit_id)["Assignments"] == []
    assert send(worker, assignment_id, [*typed[:3], ("q3", "in"), ("q4", "18")]).status_code == 303
    answer = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"][0]["Answer"]
    assert "<OtherSelectionText>an owl</OtherSelectionText>" in answer and "why" not in answer


def test_nobody_else_submits_a_form(site, requester):
    worker, other, hit_id = site.worker(), site.worker(), post_hit(requester, Question=FORM)
    assignment_id = worker.accept(hit_id)
    assert send(worker, assignment_id, GOOD, token="").status_code == 403
    assert send(worker, assignment_id, GOOD, token=other.csrf).status_code == 403
    assert send(other, assignment_id, GOOD).status_code == 404
    assert send(worker, "A" * 32, GOOD).status_code == 404
    assert send(worker, assignment_id, [("q5", "x" * 2_000_000)]).status_code == 413
    worker.http.cookies.clear()
    assert send(worker, assignment_id, GOOD).status_code == 401
    assert requester.list_assignments_for_hit(HITId=hit_id)["Assignments"] == []


def test_a_form_that_comes_too_late_is_not_stored(serve):
    site = serve()
    requester, worker = site.requester(), site.worker()
    hit_id = post_hit(requester, Question=FORM)
    assignment_id = worker.accept(hit_id)
    site.clock.move(seconds=601)
    assert send(worker, assignment_id, GOOD).status_code == 303
    assert "Time ran out" in worker.http.get(f"/assignments/{assignment_id}").text
    assert requester.list_assignments_for_hit(HITId=hit_id)["Assignments"] == []


def test_only_a_form_has_answers(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assert send(worker, worker.accept(hit_id), GOOD).status_code == 404


def test_forms_that_cannot_be_shown_are_refused(requester):
    for xml, code in (
        (form(), "XMLParseError"),
        (FORM.replace("<b>bold</b>", "<b onclick='x()'>bold</b>"), "XHTMLParseError"),
        (FORM.replace("<b>bold</b>", "<script>x()</script>"), "XHTMLParseError"),
        (form(question("a", "<FileUploadAnswer/>")), "InvalidParameterValue"),
    ):
        with refused(requester, code):
            post_hit(requester, Question=xml)


def in_chromium(work) -> list[str]:
    """Runs ``work`` with Playwright in a thread of its own; gives what the browser's console complained about."""
    complaints: list[str] = []

    def browse() -> None:
        with sync_playwright() as playwright:
            work(playwright, complaints)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(browse).result()
    return complaints


def opened(playwright: Playwright, complaints: list[str], url: str, width: int, *, script: bool = True) -> Page:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    page = browser.new_page(viewport={"width": width, "height": 800}, java_script_enabled=script)
    page.on("console", lambda entry: complaints.append(entry.text) if entry.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    page.get_by_label("name", exact=False).first.fill(f"Ada {width}")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Preview Does this image show a 3?").click()
    page.get_by_text("This is a preview.").wait_for()
    return page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_a_form_by_keyboard_at_a_desk(serve):
    site = serve()
    requester = site.requester("FORMS")
    hit_id = post_hit(requester, Question=FORM)

    def work(playwright: Playwright, complaints: list[str]) -> None:
        page = opened(playwright, complaints, site.url, 1280)
        assert violations_in_every_look(page) == []
        page.get_by_role("button", name="Accept").click()
        page.get_by_role("group", name="Question 1 of 5").wait_for()
        assert violations_in_every_look(page) == []
        page.keyboard.press("Tab")  # from the overview, over its link
        page.keyboard.press("Tab")
        page.keyboard.press("2")  # a dog; the next question has the focus
        page.keyboard.press("1")
        page.keyboard.press("3")
        page.get_by_label("Where?").select_option("in")
        page.get_by_label("Your age").fill("7")
        page.get_by_label("Why?").fill("Because")
        page.get_by_role("button", name="Submit").click()
        page.get_by_text("Use two words or more.").wait_for()
        assert page.evaluate("document.activeElement.name") == "q5", "the answer to mend has the focus"
        page.keyboard.type(" it barks")
        page.get_by_role("button", name="Submit").click()
        page.get_by_role("heading", name="Not submitted yet").wait_for()
        assert "The number must be at least 18" in page.locator("#q4-complaint").inner_text()
        assert page.locator("#q4-field-hint").inner_text() == "A number from 18 to 99."
        assert border(page, "#q4-field") == border(page, "#q4") != border(page, "#q5-field"), "what is wrong is red"
        assert violations_in_every_look(page) == []
        assert page.get_by_label("It is dog").is_checked() and page.get_by_label("Why?").input_value() != ""
        page.get_by_label("Your age").fill("70")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Submitted. Thank you!").wait_for()

    complaints = [said for said in in_chromium(work) if "422" not in said]
    assert complaints == []
    answer = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"][0]["Answer"]
    assert read_answers(answer) == {
        "seen": {"dog"},
        "more": {"red", "big"},
        "where": {"in"},
        "age": {"70"},
        "why": {"Because it barks"},
    }


def border(page: Page, selector: str) -> str:
    return str(page.locator(selector).evaluate("it => getComputedStyle(it).borderLeftColor"))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_a_form_on_a_phone_without_script(serve):
    site = serve()
    requester = site.requester("FORMS")
    hit_id = post_hit(requester, Question=FORM)

    def work(playwright: Playwright, complaints: list[str]) -> None:
        page = opened(playwright, complaints, site.url, 390, script=False)
        page.get_by_role("button", name="Accept").click()
        page.get_by_label("It is cat").check()
        page.get_by_role("button", name="Submit").click()
        page.get_by_role("link", name="Your age").click()
        page.get_by_label("Your age").fill("18")
        page.get_by_label("Where?").select_option("out")
        page.get_by_role("button", name="Submit").click()
        page.get_by_role("heading", name="Submitted. Thank you!").wait_for()

    in_chromium(work)
    answer = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"][0]["Answer"]
    assert read_answers(answer) == {"seen": {"cat"}, "where": {"out"}, "age": {"18"}}
