"""What the category page is told, from the real database."""

from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from active_learning.domain.task import Task
from api.operations import rounds, viewing
from api.operations.context import Winnow
from api.store import Session


async def test_half_of_the_examples_are_the_models_work(w: Winnow, task: Task) -> None:
    only = {"state": State.UNKNOWN.value, "role": "train"}
    images = [c["image"] for c in await w.store.candidates.find("bright", only, ["image"])]
    fields = {"answer": False, "source": Source.MODEL.value}

    async def work(session: Session) -> None:
        await w.store.candidates.move("bright", images, State.UNKNOWN, State.AUTO_LABELED, fields, session)

    await w.store.transact(work)
    shown = (await viewing.summary(w, "bright")).examples
    assert [example.source for example in shown.no] == [Source.IMPORTED] * 6 + [Source.MODEL] * 6
    assert [example.source for example in shown.yes] == [Source.IMPORTED] * 10


async def test_a_finished_category_expects_nothing_more(w: Winnow, task: Task) -> None:
    async def work(session: Session) -> None:
        await w.store.rounds.count("bright", 1, {"human_labels": 5}, session)
        await w.store.categories.count("bright", {"submissions.answers": 10}, session)

    await w.store.transact(work)
    assert (await viewing.summary(w, "bright")).estimate is not None
    await rounds.finish(w, "bright", "the budget is spent")
    summary = await viewing.summary(w, "bright")
    assert summary.estimate is None
    assert summary.state_reason == "the budget is spent"
