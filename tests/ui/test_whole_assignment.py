"""A whole assignment of 150 images through the marketplace's frame: by keyboard alone, and by touch on a phone."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.ui.stack import Stack, press, task_frame
from tests.ui.working import ready

SLOTS = 150
LESSONS = 6
OF = SLOTS + LESSONS
POLICY: dict[str, object] = {
    **{"slots": SLOTS, "hidden_gold": 40, "validation": 60, "redundancy": 3, "lessons": LESSONS},
}
SAYS = {position: position % 3 != 1 for position in range(OF)}
CHANGED = (20, 77, 149)


@pytest.fixture(scope="module")
def stack(mongod_uri: str) -> Iterator[Stack]:
    """A task for three people."""
    with ExitStack() as exits:
        yield Stack(mongod_uri, exits, POLICY, images=300, gold_a_side=40)


def lesson(frame: Frame, position: int) -> bool:
    """What the page will say of a lesson."""
    told: list[dict[str, Any]] = frame.evaluate("JSON.parse(document.getElementById('context').textContent).lessons")
    return bool(told[position]["answer"])


def stored_answers(stack: Stack, page: Page) -> dict[int, Any]:
    """What Winnow has, once the marketplace has it too: position -> answer, lessons among them."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Submitted. Thank you!")
    newest = max(stack.submitted(), key=lambda assignment: assignment.submitted_at)
    submission = stack.submission(newest.id, newest.annotator)
    assert submission is not None
    assert "receipt" in newest.fields
    assert len(submission.answers) == SLOTS
    assert len(submission.lessons) == LESSONS
    assert sum(answer.gold is not None for answer in submission.answers) == 40
    return {answer.position: answer for answer in (*submission.lessons, *submission.answers)}


def test_by_keyboard_alone_with_changes_and_going_back(page: Page, stack: Stack, quiet: list[str]) -> None:
    documents: list[str] = []
    page.on("request", lambda request: documents.append(request.url) if request.is_navigation_request() else None)
    page.goto(stack.market)
    page.keyboard.type("Grace")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=re.compile("^Preview"))).to_be_visible()
    tab_to(page, re.compile("^Preview"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    tab_to(page, re.compile("^Accept"))
    page.keyboard.press("Enter")
    frame = task_frame(page, working=True)
    expect(frame.locator("#begin")).to_be_focused()
    loaded = len(documents)
    page.keyboard.press("Enter")

    for position in range(LESSONS):
        ready(frame, position)
        right = lesson(frame, position)
        if position == 2:  # a wrong answer is told at once, and the image stays
            page.keyboard.press("f" if right else "j")
            expect(frame.locator("#stage")).to_have_attribute("data-position", "2")
        page.keyboard.press("j" if right else "f")
    press(page, frame, {at: SAYS[at] for at in range(LESSONS, 80)})
    ready(frame, 80)
    for at in range(79, 76, -1):
        page.keyboard.press("Backspace")
        ready(frame, at)
    page.keyboard.press("ArrowLeft" if SAYS[77] else "ArrowRight")
    press(page, frame, {at: SAYS[at] for at in range(80, OF)})
    expect(frame.locator("#review")).to_be_visible()
    # From the review, still by keyboard: the list of all answers, two images in it, and the end again.
    for at in (20, 149):
        tab_to(page, re.compile("answers", re.I), within=frame, tag="summary")
        page.keyboard.press("Enter")
        frame.locator("#all button").nth(at).focus()
        page.keyboard.press("Enter")
        ready(frame, at)
        page.keyboard.press("f" if SAYS[at] else "j")
        expect(frame.locator("#review")).to_be_visible()
    assert len(documents) == loaded, "a page was loaded inside the assignment"
    page.keyboard.press("Enter")

    answers = stored_answers(stack, page)
    expected = {at: SAYS[at] is not (at in CHANGED) for at in range(LESSONS, OF)}
    assert {at: answers[at].value for at in expected} == expected
    assert {at for at in expected if answers[at].changes} == set(CHANGED)
    assert answers[2].changes == 1
    assert {answer.device for answer in answers.values()} == {"key"}
    assert all(0 < answer.shown_ms < answer.decided_ms for answer in answers.values())


class TestPhone:
    """Touch at phone width, nothing else."""

    @pytest.fixture
    def browser_context_args(self) -> dict[str, object]:
        return {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

    def test_by_touch(self, page: Page, stack: Stack, quiet: list[str]) -> None:
        page.goto(stack.market)
        page.locator("input[name=name]").fill("Touch")
        page.get_by_role("button", name=re.compile("sign in", re.I)).tap()
        page.get_by_role("link", name=re.compile("^Preview")).tap()
        page.get_by_role("button", name="Accept").tap()
        frame = task_frame(page, working=True)
        expect(frame.locator("#begin")).to_be_enabled()
        frame.locator("#begin").tap()
        for position in range(OF):
            ready(frame, position)
            value = lesson(frame, position) if position < LESSONS else SAYS[position]
            if position == 60:
                frame.locator("#back").tap()
                ready(frame, 59)
                frame.locator("#no" if SAYS[59] else "#yes").tap()
                ready(frame, 60)
            frame.locator("#yes" if value else "#no").tap()
        expect(frame.locator("#review")).to_be_visible()
        assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
        frame.locator("#submit").tap()
        answers = stored_answers(stack, page)
        expected = {at: SAYS[at] is not (at == 59) for at in range(LESSONS, OF)}
        assert {at: answers[at].value for at in expected} == expected
        assert {answer.device for answer in answers.values()} == {"touch"}


def tab_to(page: Page, name: re.Pattern[str], within: Frame | None = None, tag: str = "a, button") -> None:
    """Press Tab until something of this name has the focus."""
    surface = within or page
    for _ in range(60):
        focused = surface.evaluate(
            "tag => document.activeElement?.matches(tag) ? document.activeElement.innerText.trim() : ''", tag
        )
        if name.search(focused):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"nothing called {name.pattern} can be reached by Tab")
