from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from active_learning import selection, splits
from active_learning.domain.errors import InputError
from active_learning.domain.policy import StrategyName
from active_learning.selection import STRATEGIES, Ask, Known, Pool, Ranked, choose, merge, needs, select, shortlist


def make_pool(n: int, seed: int = 0, ties: bool = False) -> Pool:
    rng = np.random.default_rng(seed)
    scores = rng.random(n).astype(np.float32)
    members = rng.random((n, 9)).astype(np.float32)
    features = rng.normal(size=(n, 6)).astype(np.float32)
    if ties:
        scores, members, features = np.round(scores, 1), np.round(members), np.round(features)
    return Pool([f"i{i}" for i in range(n)], scores, features, members, rng.random(n))


def make_known(n: int, seed: int = 0) -> Known:
    rng = np.random.default_rng(seed)
    answers = rng.random(n) < 0.5
    scores = np.clip(0.3 * answers + 0.7 * rng.random(n), 0, 1).astype(np.float32)
    return Known(rng.normal(size=(n, 6)).astype(np.float32), answers, scores)


def names(pool: Pool, rows: NDArray[np.int64]) -> list[str]:
    return [pool.images[row] for row in rows]


def test_the_registry_is_what_a_policy_may_name():
    assert tuple(STRATEGIES) == get_args(StrategyName)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=10, deadline=None)
@given(n=st.integers(0, 60), k=st.integers(-1, 70), seed=st.integers(0, 5), ties=st.booleans(), known=st.booleans())
def test_choices_are_distinct_positions_and_repeatable(
    strategy: StrategyName, n: int, k: int, seed: int, ties: bool, known: bool
):
    pool = make_pool(n, seed, ties)
    what = make_known(12) if known else Known.nothing()
    chosen = select(strategy, pool, k, seed, what)
    assert chosen.dtype == np.int64
    assert len(chosen) == len(set(chosen.tolist())) == max(0, min(n, k))
    assert all(0 <= i < n for i in chosen)
    np.testing.assert_array_equal(chosen, select(strategy, pool, k, seed, what))


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_shards_in_any_order_give_what_the_whole_gives(strategy: StrategyName, data: st.DataObject):
    n, k, seed = data.draw(st.integers(1, 400)), data.draw(st.integers(0, 6)), data.draw(st.integers(0, 9))
    pool = make_pool(n, seed, ties=data.draw(st.booleans()))
    known = make_known(data.draw(st.sampled_from([0, 30])))
    order = np.random.default_rng(seed).permutation(n)
    ends = sorted(data.draw(st.lists(st.integers(0, n), max_size=4)))
    shards = [pool.take(rows) for rows in np.split(order, ends)]
    lists = [shortlist(strategy, shard, k, seed, known) for shard in shards]
    if len(lists) > 2:  # merges of merges are as good
        lists = [merge(strategy, lists[:2], k, seed, known), *lists[2:]]
    merged = merge(strategy, lists, k, seed, known)
    whole = select(strategy, pool, k, seed, known)
    assert names(merged, choose(strategy, merged, k, seed, known)) == names(pool, whole)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_shortlist_is_bounded_by_k_and_reads_only_what_it_needs(strategy: StrategyName):
    pool = make_pool(3000)
    found = shortlist(strategy, pool, 3, 0, make_known(30))
    assert len(found) <= 700
    unread = dict.fromkeys({"scores", "features", "members"} - needs(strategy))
    poor = replace(pool, **unread)
    np.testing.assert_array_equal(select(strategy, poor, 3, 0), select(strategy, pool, 3, 0))


@pytest.mark.parametrize("strategy", [strategy for strategy in STRATEGIES if needs(strategy)])
def test_what_is_missing_is_named(strategy: StrategyName):
    with pytest.raises(InputError, match="needs"):
        select(strategy, Pool(["a"]), 1, 0, make_known(12))


def test_shards_may_keep_their_features_where_the_key_does_not_read_them():
    pool = make_pool(300)
    lean = replace(pool, features=None)
    merged = merge(
        "k_center", [shortlist("k_center", lean.take(rows), 2, 0) for rows in np.split(np.arange(300), 3)], 2, 0
    )
    rows = np.array([pool.images.index(image) for image in merged.images])
    whole = pool.take(rows)
    assert names(whole, choose("k_center", whole, 2, 0)) == names(pool, select("k_center", pool, 2, 0))


def test_another_seed_is_another_sample_and_every_image_is_equally_likely():
    pool = Pool([str(i) for i in range(40)], draws=np.random.default_rng(0).random(40))
    counts = np.zeros(40)
    for seed in range(600):
        counts[select("random", pool, 10, seed)] += 1
    assert counts.min() > 110  # 150 expected
    assert counts.max() < 195


def test_ties_fall_at_random_not_by_order():
    draws = np.random.default_rng(0).random(100)
    pool = Pool([str(i) for i in range(100)], np.full(100, 0.7, dtype=np.float32), draws=draws)
    counts = np.zeros(100)
    for seed in range(400):
        counts[select("margin", pool, 10, seed)] += 1
    assert counts.min() > 18  # 40 expected
    assert counts.max() < 68


def test_draws_are_made_from_ids_where_they_are_missing():
    ids = [f"i{i}" for i in range(50)]
    drawn = Pool(ids, draws=np.array([splits.draw(0, image) for image in ids]))
    np.testing.assert_array_equal(select("random", Pool(ids), 9, 3), select("random", drawn, 9, 3))


def test_a_strategy_is_one_file_and_one_line(monkeypatch: pytest.MonkeyPatch):
    # The file: a key, and its wrapping.
    def bright_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float32]:
        return -pool.need_features()[rows, 0]

    bright = Ranked(needs=frozenset({"features"}), key=bright_key)

    # The line.
    monkeypatch.setattr(selection, "STRATEGIES", {**STRATEGIES, "bright": bright})

    pool = make_pool(500)
    brightest = np.argsort(-pool.need_features()[:, 0])[:7]
    np.testing.assert_array_equal(select("bright", pool, 7, 0), brightest)  # type: ignore[arg-type]
    lists = [shortlist("bright", pool.take(rows), 7, 0) for rows in np.split(np.arange(500), 5)]  # type: ignore[arg-type]
    merged = merge("bright", lists, 7, 0)  # type: ignore[arg-type]
    assert names(merged, choose("bright", merged, 7, 0)) == names(pool, brightest)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="needs features"):
        select("bright", Pool(["a"]), 1, 0)  # type: ignore[arg-type]


def test_bad_pools_and_names_are_refused():
    with pytest.raises(InputError, match="2 images but 1 scores"):
        Pool(["a", "b"], np.zeros(1, dtype=np.float32))
    with pytest.raises(InputError, match="from 0 to 1"):
        Pool(["a"], np.array([np.nan], dtype=np.float32))
    with pytest.raises(InputError, match="from 0 to 1"):
        Pool(["a"], members=np.array([[0.5, 1.5]], dtype=np.float32))
    with pytest.raises(InputError, match="no strategy"):
        select("best", Pool(["a"]), 1, 0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not numbers"):
        gap = np.array([[np.nan], [1.0]], dtype=np.float32)
        select("badge", Pool(["a", "b"], np.full(2, 0.5, dtype=np.float32), gap), 2, 0)
    with pytest.raises(InputError, match="differ in length"):
        Known(np.zeros((2, 1), dtype=np.float32), np.zeros(3, dtype=np.bool_))
    with pytest.raises(InputError, match="do not agree about their scores"):
        Pool.concatenate([Pool(["a"]), Pool(["b"], np.zeros(1, dtype=np.float32))])


def test_competence_grows_with_skill_and_evidence():
    answers = np.arange(400) % 2 == 0
    nothing = np.zeros((400, 1), dtype=np.float32)
    rng = np.random.default_rng(0)

    def competence(scores: NDArray[np.floating], n: int = 400) -> float:
        return Known(nothing[:n], answers[:n], scores[:n].astype(np.float32)).competence

    noise = rng.random(400)
    assert Known.nothing().competence == Known(nothing, answers).competence == 0.0
    assert Known(nothing, np.zeros(400, dtype=np.bool_), noise.astype(np.float32)).competence == 0.0
    assert competence(noise) < 0.2 < competence(0.3 * answers + noise) < competence(answers) == pytest.approx(20 / 21)
    assert competence(answers, 20) == pytest.approx(0.5)
    assert competence(-1.0 * answers) == 0.0
    assert competence(np.full(400, 0.5)) == 0.0
