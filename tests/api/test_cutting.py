"""The cut of a round, key range by key range: the same in any number of ranges, whole after any interruption."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from active_learning.domain.candidate import State
from active_learning.domain.cuts import Cuts
from active_learning.domain.label import Source
from api.operations import curating, cutting, recounting
from api.operations.context import Winnow
from api.operations.spreading import Step, here
from tests import factories
from tests.api import scored
from tests.api.scored import SLUG

N = 2_400
POLICY = {"validation": 400, "precision": 0.8, "recall": 0.8, "confidence": 0.8}


async def prepared(w: Winnow, noise: float = 0.4, bits: int = 2) -> dict[str, bool]:
    """A pool with scores and answered validation images, before its first cut."""
    answers = scored.truth(scored.ids(N))
    await scored.pool(w, list(answers), **POLICY)
    await scored.validated(w, answers)
    await scored.put_scores(w, scored.good_scores(answers, noise, 1), f"{SLUG}:1", bits)
    await scored.ready_to_cut(w, 1)
    return answers


async def decided(w: Winnow) -> dict[str, bool]:
    found = await w.store.candidates.find(SLUG, {"state": State.AUTO_LABELED.value}, ["image", "answer"])
    return {c["image"]: c["answer"] for c in found}


async def look(w: Winnow, number: int) -> dict[str, Any]:
    found = await w.store.rounds.all(SLUG)
    report: dict[str, Any] = found[number - 1]["report"]
    return report


@pytest.mark.parametrize("bits", [0, 2, 4])
async def test_the_model_labels_what_lies_beyond_the_cuts_in_any_number_of_ranges(w: Winnow, bits: int) -> None:
    answers = await prepared(w, bits=bits)
    await cutting.cut(w, SLUG, 1)
    report = await look(w, 1)
    cuts = Cuts.model_validate(report["calibration"]["cuts"])
    assert report["in_force"] and cuts.lower is not None and cuts.upper is not None
    scores = scored.good_scores(answers, 0.4, 1)
    rest = {c["image"] for c in await w.store.candidates.find(SLUG, {"role": "train"}, ["image"])}
    expected = {image: cuts.decide(scores[image]) for image in rest}
    assert await decided(w) == {image: value for image, value in expected.items() if value is not None}
    image = next(iter(await decided(w)))
    (label,) = await w.store.labels.history(SLUG, image)
    assert label.provenance == {"model": f"{SLUG}:1", "score": scores[image], "cuts": report["calibration"]["cuts"]}
    assert await recounting.differences(w, SLUG) == {}


async def test_a_better_model_takes_back_what_it_does_not_say(w: Winnow) -> None:
    answers = await prepared(w, noise=1.0)
    await cutting.cut(w, SLUG, 1)
    before = await decided(w)
    better = scored.good_scores(answers, 0.3, 2)
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(1)
    await scored.put_scores(w, better, f"{SLUG}:2", 1)
    await scored.ready_to_cut(w, 2)
    await cutting.cut(w, SLUG, 2)
    cuts = Cuts.model_validate((await look(w, 2))["calibration"]["cuts"])
    after = await decided(w)
    assert len(after) > len(before) and all(cuts.decide(better[image]) is value for image, value in after.items())
    changed = [image for image, value in before.items() if after.get(image) is not value]
    assert changed
    history = await w.store.labels.history(SLUG, changed[0])
    assert [label.value for label in history[:2]] == [before[changed[0]], None]
    assert await recounting.differences(w, SLUG) == {}


async def test_a_cut_that_dies_half_way_goes_on_and_spends_one_look(w: Winnow) -> None:
    await prepared(w)

    async def dies(w: Winnow, step: Step, many: Sequence[tuple[Any, ...]]) -> AsyncIterator[Any]:
        for n, args in enumerate(many):
            if step is cutting.decide_range and n == 2:
                raise ConnectionResetError("the node is gone")
            yield await step(w, *args)

    with pytest.raises(ConnectionResetError):
        await cutting.cut(w, SLUG, 1, dies)
    half = await decided(w)
    await cutting.cut(w, SLUG, 1, here)
    assert 0 < len(half) < len(await decided(w))
    assert (await w.store.categories.get(SLUG))["looks"] == 1
    labels = await w.store.labels.newest(SLUG, list(await decided(w)))
    assert {image: label.value for image, label in labels.items()} == await decided(w)
    assert await recounting.differences(w, SLUG) == {}
    before = await w.store.labels.collection.count_documents({})
    await cutting.cut(w, SLUG, 1)
    assert await w.store.labels.collection.count_documents({}) == before


async def test_a_shard_that_died_between_a_move_and_its_label_is_mended(w: Winnow) -> None:
    await prepared(w)
    await cutting.cut(w, SLUG, 1)
    whole = await w.store.labels.newest(SLUG, list(await decided(w)))
    lost = [label.id for label in list(whole.values())[:5]]
    await w.store.labels.collection.delete_many({"_id": {"$in": lost}})
    await w.store.connection.database["rounds"].update_one({"number": 1}, {"$set": {"phase": "cutting"}})
    await cutting.cut(w, SLUG, 1)
    assert await w.store.labels.newest(SLUG, list(await decided(w))) == whole
    assert await recounting.differences(w, SLUG) == {}


async def test_what_a_researcher_decides_during_the_cut_stays_his(w: Winnow) -> None:
    answers = await prepared(w)
    mine = [c["image"] for c in await w.store.candidates.find(SLUG, {"role": "train"}, ["image"], 40)]
    given = {image: answers[image] for image in mine}
    original = w.store.candidates.within

    async def read_then_decided(*args: Any, **named: Any) -> Any:
        found = await original(*args, **named)
        await curating.give_gold(w, SLUG, given, Source.IMPORTED, {"by": "test"})
        return found

    w.store.candidates.within = read_then_decided  # type: ignore[method-assign]
    await cutting.cut(w, SLUG, 1)
    labels = await w.store.labels.newest(SLUG, mine)
    assert {label.source for label in labels.values()} == {Source.IMPORTED}
    assert await recounting.differences(w, SLUG) == {}


async def test_pages_see_scores_of_what_they_list(w: Winnow) -> None:
    await prepared(w, noise=1.0)
    await cutting.cut(w, SLUG, 1)
    for only in ({"state": "unknown", "role": "train"}, {"answer": True, "source": "model"}):
        shown = await w.store.candidates.find(SLUG, only, ["score", "model"], 200)
        assert shown and all(c["score"] is not None and c["model"] == f"{SLUG}:1" for c in shown)
