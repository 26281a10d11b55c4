from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.domain.errors import InputError
from active_learning.domain.policy import StrategyName
from active_learning.selection import STRATEGIES, Pool, select
from active_learning.selection.diversity import plus_plus
from active_learning.selection.uncertainty import margins


def make_pool(n: int, seed: int = 0) -> Pool:
    rng = np.random.default_rng(seed)
    scores = rng.random(n).astype(np.float32)
    return Pool([f"i{i}" for i in range(n)], scores, rng.normal(size=(n, 8)).astype(np.float32))


def test_the_registry_is_what_a_policy_may_name():
    assert tuple(STRATEGIES) == get_args(StrategyName)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 60), k=st.integers(0, 70), seed=st.integers(0, 5))
def test_choices_are_distinct_positions_and_repeatable(strategy: StrategyName, n: int, k: int, seed: int):
    pool = make_pool(n, seed)
    chosen = select(strategy, pool, k, np.random.default_rng(seed))
    assert chosen.dtype == np.int64
    assert len(chosen) == len(set(chosen.tolist())) == min(n, k)
    assert all(0 <= i < n for i in chosen)
    np.testing.assert_array_equal(chosen, select(strategy, pool, k, np.random.default_rng(seed)))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(0, 9))
def test_margin_equals_a_full_sort_and_ignores_the_order_of_the_pool(k: int, seed: int):
    pool = make_pool(200, seed)
    rng = np.random.default_rng(seed)
    by_sorting = np.argsort(np.abs(pool.need_scores().astype(np.float64) - 0.5))[:k]
    np.testing.assert_array_equal(select("margin", pool, k, rng), by_sorting)
    turned = rng.permutation(200)
    shuffled = Pool([pool.images[i] for i in turned], pool.need_scores()[turned])
    np.testing.assert_array_equal(turned[select("margin", shuffled, k, rng)], by_sorting)


def test_ties_fall_at_random_not_by_order():
    pool = Pool([str(i) for i in range(100)], np.full(100, 0.7, dtype=np.float32))
    counts = np.zeros(100)
    for seed in range(600):
        counts[select("margin", pool, 10, np.random.default_rng(seed))] += 1
    assert counts.min() > 30  # 60 expected
    assert counts.max() < 95


def test_margin_tells_neighbouring_floats_apart():
    scores = np.array([0.5], dtype=np.float32)
    for _ in range(1000):
        scores = np.append(scores, np.nextafter(scores[-1], np.float32(1)))
    assert len(np.unique(margins(scores))) == 1001


def test_margin_orders_as_entropy_and_least_confidence_do():
    p = np.linspace(0.01, 0.99, 99)
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    confidence = np.maximum(p, 1 - p)
    pairs = [(i, j) for i in range(99) for j in range(99) if abs(abs(p[i] - 0.5) - abs(p[j] - 0.5)) > 1e-9]
    for i, j in pairs:
        closer = abs(p[i] - 0.5) < abs(p[j] - 0.5)
        assert closer == (entropy[i] > entropy[j]) == (confidence[i] < confidence[j])


def test_diverse_choices_cover_clusters_that_margin_alone_would_miss():
    rng = np.random.default_rng(0)
    cluster = np.repeat([0] * 46 + [1, 2, 3, 4], 1)
    features = (np.eye(5)[cluster] * 10 + rng.normal(size=(50, 5)) * 0.1).astype(np.float32)
    scores = (0.5 + 0.001 * np.arange(50)).astype(np.float32)  # the big cluster is the least certain
    pool = Pool([str(i) for i in range(50)], scores, features)
    covered = [len(set(cluster[select("margin_diverse", pool, 10, np.random.default_rng(s))])) for s in range(20)]
    assert np.mean(covered) > 4.9
    assert len(set(cluster[select("margin", pool, 10, rng)])) == 1


def test_seeding_survives_duplicates():
    same = np.ones((20, 4), dtype=np.float32) * 0.1
    assert len(set(plus_plus(same, 20, np.random.default_rng(0)).tolist())) == 20


@pytest.mark.parametrize(("strategy", "pool"), [("margin", Pool(["a"])), ("margin_diverse", Pool(["a"], np.zeros(1)))])
def test_missing_scores_or_features_are_named(strategy: StrategyName, pool: Pool):
    with pytest.raises(InputError, match="needs"):
        select(strategy, pool, 1, np.random.default_rng(0))


def test_bad_pools_and_names_are_refused():
    with pytest.raises(InputError, match="2 images but 1 scores"):
        Pool(["a", "b"], np.zeros(1, dtype=np.float32))
    with pytest.raises(InputError, match="from 0 to 1"):
        Pool(["a"], np.array([np.nan], dtype=np.float32))
    with pytest.raises(InputError, match="no strategy"):
        select("best", Pool(["a"]), 1, np.random.default_rng(0))  # type: ignore[arg-type]
