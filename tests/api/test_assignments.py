"""One annotator at work, through HTTP: open, images, answers, resume, submit, and what must not work."""

import json
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from active_learning.domain.task import Task
from api.operations import recounting, unfinished
from api.operations.context import Winnow
from tests.factories import FakeClock

MARKET = "http://127.0.0.1:8001"


class Context(HTMLParser):
    """Finds the JSON that the page's scripts read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._inside = False
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", "context") in attrs

    def handle_data(self, data: str) -> None:
        self.text += data if self._inside else ""


async def open_page(http: httpx.AsyncClient, task: Task, worker: str = "ANNA", **changes: str) -> httpx.Response:
    query = {"assignmentId": f"ASG{worker}", "hitId": "HIT1", "workerId": worker, "turkSubmitTo": MARKET}
    return await http.get(f"/tasks/{task.id}", params=query | changes, headers={"Accept": "text/html"})


async def open_task(http: httpx.AsyncClient, task: Task, worker: str = "ANNA") -> dict[str, Any]:
    page = await open_page(http, task, worker)
    assert page.status_code == 200, page.text
    context: dict[str, Any] = json.loads(Context(page.text).text)
    return context


def auth(context: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {context['token']}"}


async def answer_all(http: httpx.AsyncClient, context: dict[str, Any], value: bool = False) -> None:
    answers = [{"position": n, "value": value, "shown_ms": n, "decided_ms": n + 700} for n in range(context["of"])]
    reply = await http.put("/assignment/answers", json={"answers": answers}, headers=auth(context))
    assert reply.json() == {"saved": context["of"]}


async def submit(http: httpx.AsyncClient, context: dict[str, Any]) -> httpx.Response:
    return await http.post("/assignment/submission", json={"viewport": [1280, 800]}, headers=auth(context))


async def test_a_preview_shows_the_question_but_no_work(http: httpx.AsyncClient, task: Task) -> None:
    page = await open_page(http, task, assignmentId="ASSIGNMENT_ID_NOT_AVAILABLE")
    assert page.status_code == 200
    assert "Is the middle bright?" in page.text
    assert "token" not in Context(page.text).text


async def test_the_page_gives_nothing_away(http: httpx.AsyncClient, task: Task) -> None:
    page = await open_page(http, task)
    for slot in task.slots:
        assert slot.image not in page.text
    assert "gold" not in Context(page.text).text


async def test_a_reload_resumes_with_the_same_order_and_answers(http: httpx.AsyncClient, task: Task) -> None:
    context = await open_task(http, task)
    first = await http.get("/assignment/images", headers=auth(context))
    given = {"position": 3, "value": True, "shown_ms": 5.0, "decided_ms": 705.0, "visible_ms": 600.0}
    given |= {"hidden_ms": 100.0, "changes": 1, "device": "touch"}
    await http.put("/assignment/answers", json={"answers": [given]}, headers=auth(context))
    again = await open_task(http, task)
    assert (again["token"], again["key"]) == (context["token"], context["key"])
    assert (await http.get("/assignment", headers=auth(again))).json() == {
        "answers": [given],
        "of": context["of"],
        "submitted": False,
    }
    assert (await http.get("/assignment/images", headers=auth(again))).content == first.content


async def test_a_submission_is_stored_once_however_often_it_is_sent(
    http: httpx.AsyncClient, w: Winnow, task: Task
) -> None:
    context = await open_task(http, task)
    await answer_all(http, context)
    replies = [await submit(http, context) for _ in range(3)]
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["receipt"] for reply in replies}) == 1
    assert replies[0].json()["action"] == f"{MARKET}/mturk/externalSubmit"
    assert await w.store.submissions.collection.count_documents({}) == 1
    stored = await w.store.submissions.get("ASGANNA:ANNA")
    assert stored is not None and {a.image for a in stored.answers} == {s.image for s in task.slots}
    assert stored.viewport == (1280, 800)


async def test_a_submission_never_changes_afterwards(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    context = await open_task(http, task)
    await answer_all(http, context)
    await submit(http, context)
    before = await w.store.submissions.get("ASGANNA:ANNA")
    late = await http.put(
        "/assignment/answers", json={"answers": [{"position": 0, "value": True}]}, headers=auth(context)
    )
    assert late.status_code == 410
    assert await w.store.submissions.get("ASGANNA:ANNA") == before


async def test_missing_answers_are_named_and_nothing_is_stored(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    context = await open_task(http, task)
    reply = await submit(http, context)
    assert reply.status_code == 409
    assert f"{context['of']} images have no answer" in reply.json()["error"]["message"]
    assert await w.store.submissions.collection.count_documents({}) == 0


async def test_unfinished_work_is_erased_when_its_time_is_over(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    context = await open_task(http, task)
    await answer_all(http, context)
    assert isinstance(w.clock, FakeClock)
    w.clock.move(3_600)
    assert await unfinished.erase(w) == 1
    assert (await submit(http, context)).status_code == 410
    document = await w.store.assignments.get("ASGANNA:ANNA")
    assert document is not None and document["answers"] == {}


@pytest.mark.parametrize("token", ["", "nonsense", "IkFTR0FOTkE6QU5OQSI.forged.signature"])
async def test_a_forged_token_gets_nothing(http: httpx.AsyncClient, task: Task, token: str) -> None:
    await open_task(http, task)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await http.get("/assignment", headers=headers)).status_code == 403
    assert (await http.get("/assignment/images", headers=headers)).status_code == 403
    assert (await http.get("/assignment/images/0/full", headers=headers)).status_code == 403
    assert (await http.put("/assignment/answers", json={"answers": []}, headers=headers)).status_code == 403


async def test_a_stranger_cannot_have_the_submit_sent_elsewhere(http: httpx.AsyncClient, task: Task) -> None:
    page = await open_page(http, task, turkSubmitTo="https://evil.example")
    assert page.status_code == 403
    assert "not a marketplace of this project" in page.text


async def test_an_annotator_sees_no_image_twice_across_tasks(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    context = await open_task(http, task)
    await answer_all(http, context)
    await submit(http, context)
    page = await open_page(http, task, assignmentId="ASGOTHER")
    assert page.status_code == 403
    assert "Nothing is left for you in this task" in page.text


async def test_who_is_not_asked_any_more_is_told_so(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    await w.store.annotators.stop_asking("bright", {"ANNA"}, "too many check images were wrong", w.clock())
    page = await open_page(http, task)
    assert page.status_code == 403
    assert "too many check images were wrong" in page.text


@pytest.mark.parametrize(
    "body",
    [
        {"answers": [{"position": -1, "value": True}]},
        {"answers": [{"position": 0, "value": "maybe"}]},
        {"answers": [{"position": 0, "value": True, "image": "0" * 64}]},
        {"answers": "all"},
    ],
)
async def test_bad_answers_are_refused_in_one_shape(http: httpx.AsyncClient, task: Task, body: dict[str, Any]) -> None:
    context = await open_task(http, task)
    reply = await http.put("/assignment/answers", json=body, headers=auth(context))
    assert reply.status_code == 422
    assert set(reply.json()["error"]) == {"message", "hint"}


async def test_positions_off_the_end_do_not_exist(http: httpx.AsyncClient, task: Task) -> None:
    context = await open_task(http, task)
    off = context["of"]
    assert (await http.get("/assignment/images", params={"start": off}, headers=auth(context))).status_code == 404
    assert (await http.get(f"/assignment/images/{off}/full", headers=auth(context))).status_code == 404
    reply = await http.put(
        "/assignment/answers", json={"answers": [{"position": off, "value": True}]}, headers=auth(context)
    )
    assert reply.status_code == 404


async def test_counters_equal_a_recount_after_selecting(w: Winnow, task: Task) -> None:
    assert await recounting.differences(w, "bright") == {}
    assert (await w.store.categories.get("bright"))["counts"]["selected"] == 14
