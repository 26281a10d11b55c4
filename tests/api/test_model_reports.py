"""What a model's scores say of the pool: kept when its round is cut, the same in any number of key ranges."""

import numpy as np
import pytest

from active_learning import reliability
from active_learning.domain.candidate import State
from api.operations import cutting, model_reports, takedown
from api.operations.context import Winnow
from api.store import Session
from tests.api import scored
from tests.api.scored import SLUG

N = 1_600
POLICY = {"validation": 300, "precision": 0.8, "recall": 0.8, "confidence": 0.8}


async def prepared(w: Winnow, bits: int = 1) -> tuple[dict[str, bool], dict[str, float]]:
    """A pool with scores, answered validation images and some labels of people, before its first cut."""
    answers = scored.truth(scored.ids(N))
    await scored.pool(w, list(answers), **POLICY)
    await scored.validated(w, answers)
    unknown = await w.store.candidates.find(SLUG, {"state": State.UNKNOWN.value}, ["image"], 100)
    await scored.people_say(w, {c["image"]: answers[c["image"]] for c in unknown}, chosen_by="margin")
    scores = scored.good_scores(answers, 0.5, 1)
    await scored.put_scores(w, scores, f"{SLUG}:1", bits)
    await scored.ready_to_cut(w, 1)

    async def work(session: Session) -> None:
        await w.store.rounds.count(SLUG, 1, {"posted": 100, "answers": 200, "human_labels": 100}, session)

    await w.store.transact(work)
    return answers, scores


@pytest.mark.parametrize("bits", [0, 3])
async def test_a_cut_leaves_a_report_of_every_image(w: Winnow, bits: int) -> None:
    answers, scores = await prepared(w, bits)
    await cutting.cut(w, SLUG, 1)
    report = await model_reports.newest(w, SLUG)
    assert report is not None and report == await model_reports.of_round(w, SLUG, 1)
    assert await w.store.model_reports.rounds(SLUG) == [1]
    assert (sum(report.open), sum(report.people_yes) + sum(report.people_no)) == (N - 400, 100)
    assert sum(report.validation_yes) + sum(report.validation_no) == 300
    validation = {c["image"] for c in await w.store.candidates.find(SLUG, {"role": "validation"}, ["image"])}
    for name, value in (("validation_yes", True), ("validation_no", False)):
        expected = reliability.spread(np.array([scores[i] for i in validation if answers[i] is value]))
        np.testing.assert_array_equal(getattr(report, name), expected)
    assert sum(group.n for group in report.groups) == 300
    assert report.error is not None and report.brier is not None and 0 < report.brier < 0.25
    wrong = {i for i in validation if (scores[i] > 0.5) is not answers[i]}
    assert {listed.image for listed in (*report.false_yes, *report.false_no)} == wrong
    assert all(listed.score > 0.5 and not answers[listed.image] for listed in report.false_yes)
    open_images = set(answers) - validation
    labeled = {c["image"] for c in await w.store.candidates.find(SLUG, {"source": "human"}, ["image"])}
    nearest = sorted(open_images - labeled, key=lambda i: (abs(scores[i] - 0.5), i))[: model_reports.LISTED]
    assert [listed.image for listed in report.uncertain] == nearest


async def test_what_is_taken_down_is_listed_no_more(w: Winnow) -> None:
    await prepared(w)
    await cutting.cut(w, SLUG, 1)
    report = await model_reports.newest(w, SLUG)
    assert report is not None
    gone = report.uncertain[0].image
    await takedown.by_image(w, gone, "test", "because")
    after = await model_reports.newest(w, SLUG)
    assert after is not None
    assert [listed.image for listed in after.uncertain] == [listed.image for listed in report.uncertain[1:]]


async def test_strata_are_weighed_by_what_they_stand_for(w: Winnow) -> None:
    await prepared(w)
    design = {
        "scored": {"model": f"{SLUG}:1", "bits": 1},
        **{"edges": (0.5,), "sizes": (900, 100), "expected": (1.0, 1.0), "below": (0.1, 0.9), "since": w.clock()},
    }
    await w.store.categories.put(SLUG, {"design": design})
    weights = await model_reports.weights(w, SLUG, [0, 0, 0, 1, 1])
    assert weights == pytest.approx([300 / 200, 300 / 200, 300 / 200, 50 / 200, 50 / 200])
    assert await model_reports.weights(w, SLUG, []) == []
