"""What the category page is told, from the real database."""

import pytest

from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from api.operations import labeling, overview, rounds, settling, viewing
from api.operations.context import Winnow
from api.store import Session
from tests.api import working


async def test_half_of_the_examples_are_the_models_work(w: Winnow, task: Task) -> None:
    only = {"state": State.UNKNOWN.value, "role": "train"}
    images = [c["image"] for c in await w.store.candidates.find("bright", only, ["image"])]
    fields = {"answer": False, "source": Source.MODEL.value}

    async def work(session: Session) -> None:
        await w.store.candidates.move("bright", images, State.UNKNOWN, State.AUTO_LABELED, fields, session)

    await w.store.transact(work)
    shown = (await overview.summary(w, "bright")).examples
    assert [example.source for example in shown.no] == [Source.IMPORTED] * 6 + [Source.MODEL] * 6
    assert [example.source for example in shown.yes] == [Source.IMPORTED] * 10


async def test_a_finished_category_expects_nothing_more(w: Winnow, task: Task) -> None:
    async def work(session: Session) -> None:
        await w.store.rounds.count("bright", 1, {"human_labels": 5}, session)
        await w.store.categories.count("bright", {"submissions.answers": 10}, session)

    await w.store.transact(work)
    assert (await overview.summary(w, "bright")).estimate is not None
    await rounds.finish(w, "bright", "the budget is spent")
    summary = await overview.summary(w, "bright")
    assert summary.estimate is None
    assert summary.state_reason == "the budget is spent"


async def test_the_time_that_a_task_takes_is_measured_once_there_are_answers(w: Winnow) -> None:
    truth = await working.category_with(w, 400, 12, slots=200, hidden_gold=8, lessons=0)
    (task,) = await working.round_of(w, 1, 180)
    unmeasured = await viewing.preview_page(w, task.id, "en")
    assert unmeasured.seconds == viewing.SECONDS_AN_ANSWER * len(task.slots)
    for who in ("ANNA", "BEN"):
        document = await working.opened(w, task, who)
        market = document["market_assignment"]
        token = (await labeling.open_assignment(w, task.id, market, who, "")).token
        # One image in ten was left on the screen for an hour.
        given = [
            Response(position=n, value=truth[image], visible_ms=3_600_000 if n % 10 == 0 else 900)
            for n, image in enumerate(document["images"])
        ]
        await labeling.save(w, token, given)
        await labeling.submit(w, token, (0, 0))
        await settling.judge(w, task, market, who)
    measured = await viewing.preview_page(w, task.id, "en")
    assert measured.seconds == pytest.approx(len(task.slots) * (0.9 * 0.9 + 0.1 * 60), rel=0.02)


async def test_what_people_found_of_the_models_labels_is_shown(w: Winnow, task: Task) -> None:
    assert (await overview.summary(w, "bright")).audit.yes == (0, 0)
    sides = {"yes": {"target": 0.9, "n": 40, "wrong": 1, "peak": 0.0}, "no": {"target": 0.95, "n": 0, "wrong": 0}}
    state = {"round": 1, "rules": 1, "alpha": 0.05, "alarm": ["no"], "alarmed": 1, **sides}
    await w.store.categories.put("bright", {"audit": state})
    shown = (await overview.summary(w, "bright")).audit
    assert (shown.yes, shown.no, shown.alarm) == ((40, 1), (0, 0), ("no",))
    assert shown.yes_right is not None and 0.8 < shown.yes_right < 39 / 40
    assert shown.no_right is None
