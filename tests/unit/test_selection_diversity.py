import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from active_learning.selection import Known, Pool, k_center, select
from active_learning.selection.clusters import cluster, mean_distance
from active_learning.selection.k_center import farthest_first
from active_learning.selection.seeding import plus_plus
from active_learning.selection.uncertain_diverse import gradients

Rows = NDArray[np.float32]


def blobs(sizes: list[int], seed: int = 0) -> tuple[Rows, NDArray[np.int64]]:
    """Well-separated round blobs of these sizes; row by row its blob."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.eye(len(sizes), 8) * 20
    return (centres[which] + rng.normal(size=(len(which), 8)) * 0.3).astype(np.float32), which


def pool_of(features: Rows, scores: NDArray[np.floating] | None = None) -> Pool:
    given_scores = None if scores is None else scores.astype(np.float32)
    return Pool([f"i{i}" for i in range(len(features))], given_scores, features)


def naive_greedy(rows: Rows, k: int, start: Rows) -> list[int]:
    wide = rows.astype(np.float64)
    gaps = ((wide[:, None] - wide) ** 2).sum(axis=2)
    near = ((wide[:, None] - start.astype(np.float64)) ** 2).sum(axis=2).min(axis=1) if len(start) else gaps[0]
    chosen = [] if len(start) or k == 0 else [0]
    while len(chosen) < k:
        near = near.copy()
        near[chosen] = -1
        chosen.append(int(near.argmax()))
        near = np.minimum(near, gaps[chosen[-1]])
    return chosen


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 120), st.integers(0, 20), st.sampled_from([0, 7]), st.integers(0, 99))
def test_lazy_farthest_first_is_the_naive_greedy(n: int, k: int, known: int, seed: int):
    rng = np.random.default_rng(seed)
    rows, start = rng.normal(size=(n, 5)).astype(np.float32), rng.normal(size=(known, 5)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:  # so few that the lazy part has work to do
        patch.setattr(k_center, "FEW", 4)
        patch.setattr(k_center, "STEP", 6)
        assert farthest_first(rows, min(k, n), start).tolist() == naive_greedy(rows, min(k, n), start)


def farthest(rows: Rows, k: int) -> NDArray[np.int64]:
    return farthest_first(rows, k, rows[:0])


def seeds(rows: Rows, k: int) -> NDArray[np.int64]:
    return plus_plus(rows, k, np.random.default_rng(0))


@pytest.mark.parametrize("choose", [farthest, seeds])
def test_duplicates_are_chosen_once_each_and_last(choose):
    same = np.ones((20, 4), dtype=np.float32) * 0.1
    assert sorted(choose(same, 20).tolist()) == list(range(20))
    features, which = blobs([1, 1, 1, 1])
    many = features[np.repeat(np.arange(4), 10)]
    assert set(np.repeat(which, 10)[choose(many, 4)]) == {0, 1, 2, 3}


def test_k_center_goes_where_nothing_is_known():
    features, which = blobs([40, 40, 40, 5])
    known = Known(features[which < 2][::8], np.ones(10, dtype=np.bool_))
    chosen = which[select("k_center", pool_of(features), 2, 0, known)]
    assert set(chosen) == {2, 3}


def test_margin_diverse_covers_clusters_that_margin_alone_would_miss():
    features, which = blobs([46, 1, 1, 1, 1])
    pool = pool_of(features, 0.5 + 0.001 * np.arange(50))  # the big cluster is the least certain
    covered = [len(set(which[select("margin_diverse", pool, 10, seed)])) for seed in range(20)]
    assert np.mean(covered) > 4.9
    assert len(set(which[select("margin", pool, 10, 0)])) == 1


def test_badge_embeds_the_gradient_of_the_expected_answer():
    features = np.array([[1, 2], [1, 2], [4, 0]], dtype=np.float32)
    found = gradients(pool_of(features, np.array([0.75, 0.25, 1.0])))
    np.testing.assert_array_equal(found, [[-0.25, -0.5], [0.25, 0.5], [0, 0]])


def test_badge_starts_at_the_longest_gradient_and_prefers_uncertain_and_different_images():
    features, which = blobs([30, 30, 30])
    pool = pool_of(features, np.where(which == 2, 1.0, 0.5))
    chosen = np.array([select("badge", pool, 2, seed) for seed in range(60)])
    assert set(chosen[:, 0]) == {np.argmax(np.linalg.norm(gradients(pool), axis=1))}
    second = which[chosen[:, 1]]
    assert not np.any(second == which[chosen[0, 0]])
    assert np.mean(second == 2) < 0.5  # certain images lie at 0: half the squared distance of the other blob


def test_clusters_find_blobs():
    features, which = blobs([30, 20, 10, 5])
    labels = cluster(features, 4, np.random.default_rng(0))
    assert len(set(zip(labels.tolist(), which.tolist(), strict=True))) == 4


def test_cluster_balanced_takes_of_small_clusters_as_of_large_ones():
    features, which = blobs([300, 60, 20, 20])
    counts = np.bincount(which[select("cluster_balanced", pool_of(features), 4, 1)], minlength=4)
    assert counts.tolist() == [1, 1, 1, 1]


def test_typical_images_are_in_the_middle_of_clusters_that_nobody_has_seen():
    features, which = blobs([60, 50, 40, 30, 3])
    known = Known(features[which == 1][:1], np.ones(1, dtype=np.bool_))
    chosen = select("typical", pool_of(features), 4, 0, known)
    assert which[chosen].tolist() == [0, 2, 3, 1]  # large before small, where one is known last, never the three
    for row in chosen:
        own = features[which == which[row]]
        distances = np.linalg.norm(own - own.mean(axis=0), axis=1)
        assert np.linalg.norm(features[row] - own.mean(axis=0)) < np.median(distances)


def test_typicality_is_of_the_nearest_others():
    rows = np.array([[0, 0], [1, 0], [3, 0], [10, 0]], dtype=np.float32)
    np.testing.assert_allclose(mean_distance(rows, 2), [2, 1.5, 2.5, 8], rtol=1e-5)


def known_with(competence: str, features: Rows) -> Known:
    answers = np.arange(2000) % 2 == 0
    told = {"none": 0.0, "half": 0.225, "full": 1.0}[competence]  # so many have a right score, the others 0.5
    scores = np.where(np.random.default_rng(0).random(2000) < told, answers, 0.5).astype(np.float32)
    return Known(np.repeat(features[:1], 2000, axis=0), answers, scores)


@pytest.mark.parametrize(("competence", "like"), [("none", "typical"), ("half", "badge"), ("full", "margin")])
def test_the_schedule_goes_from_typical_to_uncertain(competence: str, like: str):
    features, which = blobs([60, 50, 40, 30])
    pool = pool_of(features, np.random.default_rng(0).random(len(which)))
    known = known_with(competence, features)
    scheduled = select("scheduled", pool, 8, 3, known)
    alone = select(like, pool, 8, 3, known)  # type: ignore[arg-type]
    assert len(set(scheduled.tolist()) & set(alone.tolist())) >= 7


def test_the_schedule_needs_no_model_at_first():
    features, _ = blobs([60, 50])
    assert len(select("scheduled", pool_of(features), 4, 0)) == 4


def test_a_mix_is_half_uncertain():
    features, which = blobs([100, 100])
    pool = pool_of(features, np.random.default_rng(0).random(len(which)))
    chosen = select("mixed", pool, 20, 0)
    np.testing.assert_array_equal(chosen[:10], select("margin", pool, 10, 0))
    assert len(set(chosen.tolist())) == 20
