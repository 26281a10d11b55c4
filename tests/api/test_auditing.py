"""The audit stream: people check the model's labels, no model learns from it, and an alarm takes labels back."""

from collections.abc import Callable

import pytest

from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from active_learning.domain.round import Phase
from active_learning.rounds import StartRound
from api.operations import curating, cutting, recounting, rounds
from api.operations.context import Winnow
from api.store import Session
from tests import factories
from tests.api import scored
from tests.api.scored import SLUG

N = 2_400
POLICY = {"validation": 400, "precision": 0.8, "recall": 0.8, "confidence": 0.8, "slots": 60, "hidden_gold": 10}
AUDIT = 40


async def prepared(w: Winnow) -> dict[str, bool]:
    """A pool with a rule in force, whose policy wants audits."""
    answers = scored.truth(scored.ids(N))
    await scored.pool(w, list(answers), **POLICY)
    await w.store.categories.put(SLUG, {"category.policy.audit": AUDIT})
    gold = {image: answers[image] for image in list(answers)[:60]}
    await curating.give_gold(w, SLUG, gold, Source.IMPORTED, {"by": "test"})
    await scored.validated(w, answers)
    await scored.put_scores(w, scored.good_scores(answers, 0.3, 1), f"{SLUG}:1", 2)
    await scored.ready_to_cut(w, 1)
    await cutting.cut(w, SLUG, 1)
    return answers


async def a_round(w: Winnow, number: int, says: Callable[[str], bool], take: int = 0) -> set[str]:
    """A round whose images people answer, up to its cut. Returns what was audited."""
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(60)
    await rounds.start_round(w, SLUG, StartRound(number=number, strategy="random", take=take))
    asked = [image for task in await w.store.tasks.of_round(SLUG, number) for image in task.asked]
    for value in (True, False):
        images = [image for image in asked if says(image) is value]

        async def work(session: Session, images: list[str] = images, value: bool = value) -> None:
            move = w.store.candidates.move
            await move(SLUG, images, State.SELECTED, State.POSTED, {}, session)
            fields = {"answer": value, "source": Source.HUMAN.value}
            moved = await move(SLUG, images, State.POSTED, State.LABELED, fields, session)
            counters = {"counts.selected": -moved, "counts.labeled": moved}
            await w.store.categories.count(
                SLUG, {**counters, f"decided.human_{'yes' if value else 'no'}": moved}, session
            )

        await w.store.transact(work)

    async def cutting_phase(session: Session) -> None:
        await w.store.rounds.advance(SLUG, number, Phase.COLLECTING, Phase.CUTTING, {}, session)

    await w.store.transact(cutting_phase)
    audited = await w.store.candidates.find(SLUG, {"image": {"$in": asked}, "chosen_by": "audit"}, ["image"])
    return {c["image"] for c in audited}


async def test_checks_are_counted_and_a_good_rule_stays(w: Winnow) -> None:
    answers = await prepared(w)
    before = (await w.store.categories.get(SLUG))["decided"]
    for number in (2, 3):
        audited = await a_round(w, number, answers.__getitem__, take=20)
        assert AUDIT - 5 <= len(audited) <= AUDIT
        await cutting.cut(w, SLUG, number)
        assert await recounting.differences(w, SLUG) == {}
    state = (await w.store.categories.get(SLUG))["audit"]
    assert state["alarm"] == [] and state["round"] == 1
    assert state["yes"]["n"] + state["no"]["n"] >= 2 * AUDIT - 10
    after = (await w.store.categories.get(SLUG))["decided"]
    assert after["model_yes"] > 0.8 * before["model_yes"]


async def test_what_is_checked_teaches_no_model_and_is_never_the_models_again(w: Winnow) -> None:
    answers = await prepared(w)
    audited = await a_round(w, 2, answers.__getitem__)
    for image in audited:
        candidate = await w.store.candidates.get(SLUG, image)
        assert candidate is not None and candidate["audited"]["round"] == 1 and candidate["answer"] is answers[image]
        assert [label.value for label in await w.store.labels.history(SLUG, image)][-1] is None
    taught = {"state": "labeled", "role": {"$ne": "validation"}, "audited": {"$exists": False}}
    found = {c["image"] for c in await w.store.candidates.find(SLUG, taught, ["image"])}
    assert not found & audited


@pytest.mark.parametrize("side", ["yes", "no"])
async def test_an_alarm_takes_the_labels_of_its_side_back(w: Winnow, side: str) -> None:
    answers = await prepared(w)
    value = side == "yes"
    before = (await w.store.categories.get(SLUG))["decided"]
    labeled = await w.store.candidates.find(SLUG, {"answer": value, "source": "model"}, ["image"])
    wrong = {c["image"] for c in labeled}
    await a_round(w, 2, lambda image: not value if image in wrong else answers[image])
    await cutting.cut(w, SLUG, 2)
    assert await recounting.differences(w, SLUG) == {}
    document = await w.store.categories.get(SLUG)
    assert document["audit"]["alarm"] == [side]
    assert document["decided"][f"model_{side}"] == 0 < before[f"model_{side}"]
    other = "no" if value else "yes"
    assert document["decided"][f"model_{other}"] > 0.5 * before[f"model_{other}"]
    assert document["rule"]["calibration"]["cuts"]["upper" if value else "lower"] is None
    assert document["looks"] == 1, "what was found wrong goes to people before another look"
    await w.store.connection.database["rounds"].update_one({"number": 2}, {"$set": {"phase": "cutting"}})
    await cutting.cut(w, SLUG, 2)
    assert await w.store.categories.get(SLUG) == document, "cutting again after a crash changes nothing"
