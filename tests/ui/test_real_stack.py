"""Chromium with the real web process and the real marketplace, on the real MongoDB: nothing here stands in."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Frame, Page, expect

from active_learning.domain.label import Source
from api.operations import categories, curating, labeling, recounting
from tests.ui.stack import SLUG, Stack, task_frame
from tests.ui.working import ready


@pytest.fixture(scope="module")
def stack(mongod_uri: str) -> Iterator[Stack]:
    """One for the module: its parts take a few seconds to start."""
    with ExitStack() as exits:
        yield Stack(mongod_uri, exits)


def seconds_left(surface: Page | Frame, clock: str) -> int:
    """What a countdown such as "29:55 left" shows."""
    minutes, seconds = surface.locator(clock).inner_text().removesuffix(" left").split(":")
    return 60 * int(minutes) + int(seconds)


def test_a_task_from_signing_in_to_the_database(page: Page, stack: Stack, quiet: list[str]) -> None:
    page.goto(stack.market)
    page.keyboard.type("Grace")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("^Preview")).click()
    preview = task_frame(page, working=False)
    expect(preview.get_by_text("This is a preview")).to_be_visible()
    expect(preview.locator("#work")).to_have_count(0)

    page.get_by_role("button", name="Accept").click()
    frame = task_frame(page, working=True)
    expect(frame.locator("#begin")).to_be_focused()
    page.keyboard.press("Enter")
    given = [position % 3 == 0 for position in range(24)]

    def press(positions: range) -> None:
        for position in positions:
            ready(frame, position)
            page.keyboard.press("j" if given[position] else "f")

    press(range(6))
    ready(frame, 6)
    page.keyboard.press("Backspace")
    ready(frame, 5)
    expect(frame.locator("#no")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    given[5] = True
    press(range(6, 9))
    expect(frame.locator("#saved")).to_have_text("saved")

    page.reload()
    frame = task_frame(page, working=True)
    ready(frame, 9)
    expect(frame.locator("#count")).to_have_text("10 of 24")
    assert abs(seconds_left(page, "#countdown") - seconds_left(frame, "#time")) < 5, "two clocks side by side differ"
    press(range(9, 24))
    expect(frame.locator("#tally")).to_have_text("You said yes to 9 and no to 15 of 24.")
    assert stack.submitted() == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Submitted. Thank you!")

    (assignment,) = stack.submitted()
    identifier = labeling.assignment_id(assignment.id, assignment.annotator)
    submission = stack.do(stack.w.store.submissions.get(identifier))
    assert submission is not None
    answers = sorted(submission.answers, key=lambda answer: answer.position)
    assert [answer.value for answer in answers] == given
    assert [answer.changes for answer in answers] == [int(position == 5) for position in range(24)]
    assert all(0 < answer.shown_ms < answer.decided_ms for answer in answers)
    assert all(answer.device == "key" for answer in answers)
    assert {answer.image for answer in answers} == {slot.image for slot in stack.task.slots}
    assert "receipt" in assignment.fields


def test_the_category_page_follows_the_database(page: Page, stack: Stack, quiet: list[str]) -> None:
    stack.sign_in(page)
    page.goto(f"{stack.web}/categories/{SLUG}")
    expect(page.locator("#live")).to_have_text("This page keeps itself up to date.")
    expect(page.locator("#chart svg")).to_be_visible()
    page.evaluate("window.loaded_once = true")
    before = stack.do(stack.w.store.categories.get(SLUG))
    people = page.locator("#standing .legend li").first
    expect(people).to_contain_text(f"people {before['counts']['labeled']}")
    polled: list[str] = []
    page.on("request", lambda request: polled.append(request.url))

    # The page asks once when its stream opens: the first change may ride on that, the second one cannot.
    stack.do(categories.pause(stack.w, SLUG, "ann"))
    expect(page.locator("#state")).to_have_text("paused paused by ann")
    candidate = stack.do(stack.w.store.candidates.find(SLUG, {"state": "unknown", "role": "train"}, ["image"], 1))[0]
    stack.do(curating.give_gold(stack.w, SLUG, {candidate["image"]: True}, Source.GOLD, {"by": "test"}))
    expect(people).to_contain_text(f"people {before['counts']['labeled'] + 1}")
    assert page.evaluate("window.loaded_once"), "the page was loaded anew"
    assert not [url for url in polled if url.endswith("/events")], "the stream broke and was opened again"
    stack.do(categories.resume(stack.w, SLUG))


def test_the_experts_answers_are_gold_in_the_database(page: Page, stack: Stack, quiet: list[str]) -> None:
    stack.sign_in(page)
    page.goto(f"{stack.web}/categories/{SLUG}/expert")
    ids = page.evaluate("JSON.parse(document.getElementById('context').textContent).ids")
    for position, key in enumerate("jfsf"):
        ready(page, position)
        page.keyboard.press(key)
    ready(page, 4)
    page.get_by_role("link", name="Done").click()
    page.wait_for_url(f"**/categories/{SLUG}")

    found = stack.do(
        stack.w.store.candidates.find(SLUG, {"image": {"$in": ids}, "source": "gold"}, ["image", "gold", "state"])
    )
    assert {c["image"]: c["gold"] for c in found} == {ids[0]: True, ids[1]: False, ids[3]: False}
    assert {c["state"] for c in found} == {"labeled"}
    assert stack.do(recounting.differences(stack.w, SLUG)) == {}
