import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.domain.errors import InputError
from active_learning.validation import Histogram, least_rate, stratify, uniform


def rare_scores(size: int = 20_000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    yes = rng.random(size) < 0.01
    return 1 / (1 + np.exp(-(4 * rng.normal(np.where(yes, 2.0, -2.0)) + np.log(0.01 / 0.99))))


def test_a_uniform_design_takes_the_smallest_draws():
    draws = np.random.default_rng(0).random(500)
    chosen = uniform(40).choose(uniform(40).stratum(draws), draws)
    assert set(np.flatnonzero(chosen)) == set(np.argsort(draws)[:40])


@given(st.integers(1, 900), st.booleans(), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_stratified_design_draws_its_sizes_and_all_of_them(n: int, decay: bool, seed: int):
    scores = rare_scores(3_000, seed)
    design = stratify(Histogram.of(scores), n, 0.9, 0.025, decay=decay)
    stratum = design.stratum(scores)
    chosen = design.choose(stratum, np.random.default_rng(seed).random(len(scores)))
    assert tuple(np.bincount(stratum[chosen], minlength=design.strata)) == design.sizes
    assert chosen.sum() == n
    assert np.all(np.array(design.sizes) <= np.bincount(stratum, minlength=design.strata))
    assert list(design.edges) == sorted(set(design.edges))
    assert len(design.edges) + 1 == design.strata == len(design.expected)


def test_yes_images_are_drawn_at_a_higher_rate():
    scores = rare_scores()
    design = stratify(Histogram.of(scores), 1_000, 0.9, 0.025)
    rates = np.array(design.sizes) / np.bincount(design.stratum(scores))
    assert rates[-1] > 5 * min(rates)
    assert np.all(np.diff(design.expected) > -1e-12)


def test_histograms_of_shards_add_up():
    scores = rare_scores()
    whole, parts = Histogram.of(scores), [Histogram.of(part) for part in np.array_split(scores, 7)]
    total = sum(parts[1:], parts[0])
    assert np.array_equal(total.counts, whole.counts)
    assert total.sums == pytest.approx(whole.sums)
    assert stratify(total, 500, 0.9, 0.025).sizes == stratify(whole, 500, 0.9, 0.025).sizes


def test_one_score_for_all_is_one_stratum():
    assert stratify(Histogram.of(np.full(300, 0.2)), 50, 0.9, 0.025).sizes == (50,)


def test_small_and_empty_pools():
    assert stratify(Histogram.of(np.zeros(0)), 10, 0.9, 0.025).sizes == (10,)
    assert sum(stratify(Histogram.of(np.linspace(0, 1, 9)), 50, 0.9, 0.025).sizes) == 9


def test_the_least_rate_is_the_two_point_bound():
    """At this rate a region that hides one image too many shows none of them with the stated chance."""
    rate, hidden = least_rate(0.05, 0.95, 10_000), 500
    assert (1 - rate) ** hidden == pytest.approx(0.05, rel=0.02)


def test_bad_input_is_refused():
    with pytest.raises(InputError):
        Histogram.of(np.array([1.2]))
    with pytest.raises(InputError):
        stratify(Histogram.of(np.array([0.2])), -1, 0.9, 0.025)
