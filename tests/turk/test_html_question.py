"""An HTMLQuestion as MTurk's documentation shows it: Amazon's script and address are gone, and it works as it is."""

import pytest
from playwright.sync_api import Page, expect

from tests.turk.served import post_hit
from tests.turk.test_browser import CHROMIUM, in_chromium
from workers.turk.questions import at_home

SCHEMA = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd"
DOCUMENTED = """<!DOCTYPE html>
<html><head><meta http-equiv='Content-Type' content='text/html; charset=UTF-8'/>
<script type='text/javascript' src='https://s3.amazonaws.com/mturk-public/externalHIT_v1.js'></script></head>
<body><form name='mturk_form' method='post' id='mturk_form' action='https://www.mturk.com/mturk/externalSubmit'>
<input type='hidden' value='' name='assignmentId' id='assignmentId'/>
<h1>What's up?</h1><p><textarea name='comment' cols='80' rows='3'></textarea></p>
<p><input type='submit' id='submitButton' value='Submit'/></p></form>
<script language='Javascript'>turkSetAssignmentID();</script></body></html>"""


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("https://www.mturk.com/mturk/externalSubmit", "/mturk/externalSubmit"),
        ("http://workersandbox.mturk.com/mturk/externalSubmit", "/mturk/externalSubmit"),
        ("//s3.amazonaws.com/mturk-public/externalHIT_v1.js", "/static/externalHIT_v1.js"),
        ("https://s3.amazonaws.com/mturk-public/other.js", "https://s3.amazonaws.com/mturk-public/other.js"),
        ("https://example.org/mturk/externalSubmit", "https://example.org/mturk/externalSubmit"),
    ],
)
def test_only_what_amazon_served_is_ours_now(asked: str, given: str) -> None:
    assert at_home(f"<a href='{asked}'>") == f"<a href='{given}'>"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_from_the_preview_to_the_answer(site, requester):
    content = f"<HTMLContent><![CDATA[{DOCUMENTED}]]></HTMLContent><FrameHeight>400</FrameHeight>"
    hit_id = post_hit(requester, Question=f'<HTMLQuestion xmlns="{SCHEMA}">{content}</HTMLQuestion>')
    worker = site.worker()

    def look(page: Page) -> None:
        cookies = [{"name": c.name, "value": str(c.value), "url": site.url} for c in worker.http.cookies.jar]
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        page.goto(f"{site.url}/hits/{hit_id}")
        button = page.frame_locator("#task").locator("#submitButton")
        expect(button).to_be_disabled()
        expect(button).to_have_value("You must ACCEPT the HIT before you can submit the results.")
        page.get_by_role("button", name="Accept").first.click()
        page.frame_locator("#task").locator("textarea").fill("The sky & all")
        button.click()
        page.get_by_text("Submitted").first.wait_for()

    in_chromium(look)
    (found,) = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"]
    assert "<FreeText>The sky &amp; all</FreeText>" in found["Answer"]
