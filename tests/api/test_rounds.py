"""What a round may choose: the same whatever the shards, never by the cuts, never what people are concerned with."""

import pytest

from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from active_learning.rounds import StartRound
from api.operations import curating, cutting, recounting, rounds, selecting
from api.operations.context import Winnow
from api.operations.spreading import here
from tests import factories
from tests.api import scored
from tests.api.scored import SLUG

N = 900


async def test_before_a_model_chance_chooses_whatever_the_shards(w: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    await scored.pool(w, scored.ids(N), validation=100)
    await rounds.draw_validation(w, SLUG)
    whole = await selecting.select(w, SLUG, "random", 20, 7, here)
    monkeypatch.setattr("api.operations.scoring.SHARD", 100)
    sharded = await selecting.select(w, SLUG, "random", 20, 7, here)
    assert list(whole) == list(sharded) and len(whole) == 20
    drawn = {c["image"] for c in await w.store.candidates.find(SLUG, {"role": "validation"}, ["image"])}
    assert len(drawn) == 100 and not drawn & set(whole)
    assert list(await selecting.select(w, SLUG, "random", 20, 8, here)) != list(whole)


@pytest.mark.parametrize("strategy", ["margin", "bin_normal"])
async def test_shards_choose_what_the_whole_chooses(w: Winnow, strategy: str) -> None:
    answers = scored.truth(scored.ids(N))
    await scored.pool(w, list(answers), validation=100)
    drawn = await scored.validated(w, answers)
    await scored.people_say(w, {image: answers[image] for image in sorted(set(answers) - drawn)[:50]})
    chosen = []
    for bits in (0, 3):
        await scored.put_scores(w, scored.good_scores(answers, 1.0, 1), f"{SLUG}:1", bits)
        chosen.append(await selecting.select(w, SLUG, strategy, 30, 7, here))  # type: ignore[arg-type]
    assert chosen[0] == chosen[1] and len(chosen[0]) == 30
    states = await w.store.candidates.find(SLUG, {"image": {"$in": list(chosen[0])}}, ["state", "role"])
    assert {(c["state"], c["role"]) for c in states} == {("unknown", "train")}


async def test_what_the_model_labeled_can_be_chosen_and_is_withdrawn_first(w: Winnow) -> None:
    answers = scored.truth(scored.ids(N))
    policy = {"validation": 300, "precision": 0.8, "recall": 0.8, "confidence": 0.8, "slots": 60, "hidden_gold": 10}
    await scored.pool(w, list(answers), **policy)
    gold = {image: answers[image] for image in list(answers)[:60]}
    await curating.give_gold(w, SLUG, gold, Source.IMPORTED, {"by": "test"})
    await scored.validated(w, answers)
    scores = scored.good_scores(answers, 0.3, 1)
    await scored.put_scores(w, scores, f"{SLUG}:1", 1)
    await scored.ready_to_cut(w, 1)
    before = await selecting.select(w, SLUG, "random", 40, 7, here)
    await cutting.cut(w, SLUG, 1)
    assert await selecting.select(w, SLUG, "random", 40, 7, here) == before, "the cuts have no say"
    labeled = {c["image"] for c in await w.store.candidates.find(SLUG, {"state": State.AUTO_LABELED.value}, ["image"])}
    assert len(labeled) > 200
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(1)
    await rounds.start_round(w, SLUG, StartRound(number=2, strategy="random", take=40))
    asked = {image for task in await w.store.tasks.of_round(SLUG, 2) for image in task.asked}
    withdrawn = asked & labeled
    assert len(asked) == 40 and withdrawn
    for image in withdrawn:
        candidate = await w.store.candidates.get(SLUG, image)
        assert candidate is not None and candidate["answer"] is None
        assert (candidate["state"], candidate["chosen_by"], candidate["score"]) == ("selected", "random", scores[image])
        assert [label.value for label in await w.store.labels.history(SLUG, image)][-1] is None
    assert await recounting.differences(w, SLUG) == {}
