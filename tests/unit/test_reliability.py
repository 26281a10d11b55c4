"""Scores beside answers: bins add up, groups say what is there, doubt has its interval."""

import numpy as np
import pytest

from active_learning import reliability
from active_learning.domain.errors import InputError
from active_learning.estimates import clopper_pearson


def test_shards_add_up_to_the_pool() -> None:
    scores = np.random.default_rng(1).beta(0.3, 0.9, 10_000).astype(np.float32)
    whole = reliability.spread(scores)
    assert whole.sum() == len(scores)
    np.testing.assert_array_equal(whole, reliability.spread(scores[:4_000]) + reliability.spread(scores[4_000:]))


def test_each_score_is_in_its_own_bin() -> None:
    edges = reliability.scores_at_edges()
    middles = (edges[:-1] + edges[1:]) / 2
    np.testing.assert_array_equal(reliability.spread(middles), np.ones(reliability.BINS))
    ends = reliability.spread(np.array([0.0, 1.0, 1e-9]))
    assert (ends[0], ends[-1], ends.sum()) == (2, 1, 3)
    assert reliability.spread(np.array([0.2, 0.2]), np.array([3.0, 0.5])).sum() == 3.5


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_score_is_refused(bad: float) -> None:
    with pytest.raises(InputError):
        reliability.spread(np.array([0.5, bad]))


def test_a_calibrated_model_has_little_error_and_a_bold_one_much() -> None:
    rng = np.random.default_rng(2)
    chance = rng.beta(0.5, 1.0, 4_000)
    answers = rng.random(4_000) < chance
    bold = np.clip(chance * 4 - 1.5, 0, 1)
    right = reliability.reliability(chance.tolist(), answers.tolist(), [1.0] * 4_000)
    wrong = reliability.reliability(bold.tolist(), answers.tolist(), [1.0] * 4_000)
    assert right is not None and wrong is not None
    assert right.error < 0.03 < 0.1 < wrong.error
    assert right.brier < wrong.brier
    assert len(right.groups) == reliability.GROUPS
    assert sum(group.n for group in right.groups) == 4_000
    inside = sum(group.low <= group.score <= group.high for group in right.groups)
    assert inside >= 8, "nine of ten intervals hold their score where the scores are true"


def test_equal_weights_give_the_exact_interval() -> None:
    found = reliability.reliability([0.3] * 8, [True, True] + [False] * 6, [7.0] * 8, 0.9)
    assert found is not None
    (group,) = found.groups
    assert (group.n, group.share) == (8, 0.25)
    assert (group.low, group.high) == pytest.approx(clopper_pearson(2, 8, 0.9))


def test_weights_undo_a_draw_that_was_not_uniform() -> None:
    """Nine of ten images that stand for many are no; of those that stand for few, all are yes."""
    answers = [False] * 9 + [True] + [True] * 10
    found = reliability.reliability([0.4] * 20, answers, [90.0] * 10 + [10.0] * 10)
    assert found is not None
    share = sum(group.share * weight for group, weight in zip(found.groups, (900, 100), strict=True)) / 1_000
    assert share == pytest.approx(0.19)
    uneven = reliability.reliability([0.4] * 8, [True] * 4 + [False] * 4, [1.0] * 4 + [9.0] * 4)
    assert uneven is not None
    assert uneven.groups[0].share == pytest.approx(0.1)
    assert uneven.groups[0].high - uneven.groups[0].low > clopper_pearson(1, 10, 0.9)[1]


def test_without_answers_there_is_nothing_to_say() -> None:
    assert reliability.reliability([], [], []) is None
    with pytest.raises(InputError):
        reliability.reliability([0.5], [True], [0.0])
    with pytest.raises(InputError):
        reliability.reliability([0.5], [True, False], [1.0, 1.0])
