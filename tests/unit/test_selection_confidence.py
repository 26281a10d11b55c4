"""The samplers of the bandwidth study on small tables; some entries lie exactly on 0.2, on 0.5 and on the median."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from active_learning.selection import STRATEGIES, Pool, Ranked, quotas, select
from active_learning.selection.confidence import MIDDLE, Sampler, bin_areas, by_density, confidence, in_bins, take

TABLE = np.array(
    [0, 0.05, 0.1, 0.2, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.5, 0.55, 0.6, 0.6, 0.65, 0.7, 0.8, 0.85, 0.95, 1]
)


def sampler(name: str) -> Sampler:
    found = STRATEGIES[name]  # type: ignore[index]
    assert isinstance(found, Ranked)
    assert isinstance(found.among, Sampler)
    return found.among


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores_of(confidences: NDArray[np.float64], yes: bool) -> NDArray[np.float32]:
    return np.asarray(0.5 + (confidences if yes else -confidences) / 2, dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stratified_random", range(20)),
        ("above_median", range(9, 20)),
        ("below_median", range(11)),
        ("above_half", range(9, 20)),
        ("below_half", range(11)),
        ("interquartile", range(5, 15)),  # from (0.2 + 0.25) / 2 to (0.65 + 0.7) / 2
    ],
)
def test_ranges_are_closed_at_both_ends(name: str, expected: Sequence[int]):
    assert sampler(name).rule(TABLE, generator()).tolist() == list(expected)


def test_mid_normal_wants_three_quarters_of_those_within_a_deviation():
    for seed in range(20):
        found = sampler("mid_normal").rule(TABLE, generator(seed))
        assert len(found) == len(set(found.tolist())) == 8  # 11 of the table are in [0.25, 0.75): round(8.25)


def test_normal_uses_the_sample_deviation_of_the_class():
    mean, deviation = TABLE.mean(), TABLE.std(ddof=1)
    inside = np.count_nonzero((mean - deviation <= TABLE) & (mean + deviation > TABLE))
    found = sampler("normal").rule(TABLE, generator())
    assert len(found) == len(set(found.tolist())) == round(0.75 * inside)
    assert len(sampler("normal").rule(np.full(8, 0.3), generator())) == 6
    assert len(sampler("normal").rule(np.array([0.3]), generator())) == 1


def test_a_density_prefers_its_middle():
    counts = np.zeros(20)
    for seed in range(300):
        counts[by_density(TABLE, NormalDist(0.5, 0.15), generator(seed))] += 1
    assert counts[9] > counts[5] > counts[1]
    assert counts[9] > counts[13] > counts[19]


def test_sampling_ends_where_almost_nothing_is_accepted():
    found = by_density(TABLE, NormalDist(0.5, 1e6), generator())  # the study's code would go on for ever
    assert len(set(found.tolist())) == 15


def test_bins_take_their_share_of_the_batch_and_no_more_than_they_have():
    assert [round(area * 500) for area in bin_areas(MIDDLE)] == [48, 120, 163, 120, 48]
    quarter = [round(area * 20) for area in bin_areas(MIDDLE)]
    assert quarter == [2, 5, 7, 5, 2]
    for seed in range(20):
        found = sampler("bin_quintile").rule(TABLE, generator(seed))
        assert len(found) == len(set(found.tolist())) <= 20
        # 0.4 (row 7), 0.6 (12, 13), 0.2 (3, 4) and 0.8 (16) are in two bins each; the last bin has just its four.
        assert {16, 17, 18, 19} <= set(found.tolist())
        assert np.count_nonzero((TABLE[found] > 0.4) & (TABLE[found] < 0.6)) <= 4
    assert in_bins(np.full(10, 0.5), [0.2] * 5, generator()).shape == (2,)  # one bin has all, the others are short


def test_unstratified_samplers_see_one_batch():
    assert [name for name in STRATEGIES if isinstance(s := STRATEGIES[name], Ranked) and _unstratified(s)] == [
        "bin_quintile",
        "bin_normal",
    ]


def _unstratified(strategy: Ranked) -> bool:
    return isinstance(strategy.among, Sampler) and not strategy.among.stratified


def test_small_classes_are_exhausted_first():
    assert quotas.by_size([5, 50, 50], 60) == [5, 28, 27]  # round(55 / 2) is 28: half to even
    assert quotas.by_size([50, 5, 50], 60) == [28, 5, 27]
    assert quotas.by_size([10, 10], 5) == [2, 3]
    groups = [np.arange(5), np.arange(100, 150), np.arange(200, 250)]
    taken = take(groups, 60, generator())
    assert [np.count_nonzero(taken // 100 == hundred) for hundred in range(3)] == [5, 28, 27]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 200))
def test_quotas_use_all_there_is(sizes: list[int], total: int):
    found = quotas.by_size(sizes, total)
    assert all(quota <= size for quota, size in zip(found, sizes, strict=True))
    assert sum(found) == min(total, sum(sizes))


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5), st.integers(0, 100))
def test_shares_are_kept_to_one_image(shares: list[float], total: int):
    found = quotas.by_share(shares, total)
    assert sum(found) == total
    assert all(abs(q - s / sum(shares) * total) < 1 + 1e-6 for q, s in zip(found, shares, strict=True))


def test_classes_are_those_that_the_model_infers():
    # 12 no, sure; 4 yes, of confidence .2, .4, .6, .8. Medians: of the yes .5, of the no .95.
    no = scores_of(np.linspace(0.9, 1.0, 12), yes=False)
    scores = np.concatenate([no, scores_of(np.array([0.2, 0.4, 0.6, 0.8]), yes=True)])
    for seed in range(10):
        chosen = sampler("below_median").sample(scores, 6, generator(seed))
        assert set(chosen.tolist()) >= {12, 13}  # the yes class has two below its median: exhausted first
        assert not set(chosen.tolist()) & {14, 15}
        assert np.count_nonzero(chosen < 12) == 4
        assert set(chosen[chosen < 12].tolist()) <= set(range(6))


def test_confidence_is_nothing_at_one_half_and_sure_at_the_ends():
    assert confidence(np.array([0.5, 0.25, 0.75, 0, 1], dtype=np.float32)).tolist() == [0, 0.5, 0.5, 1, 1]


def test_an_empty_range_is_filled_at_random():
    sure = np.full(100, 0.99, dtype=np.float32)
    assert len(sampler("below_half").sample(sure, 10, generator())) == 0
    assert len(select("below_half", Pool([str(i) for i in range(100)], sure), 10, 0)) == 10
