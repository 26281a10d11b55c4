"""PFK: the kernel against numpy's correlations, anchors and turns on toy matrices, and the strategy's laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.selection import Known, Pool
from active_learning.selection.fisher import (
    FISHER_SUM,
    Ask,
    Descriptors,
    fisher,
    in_turn,
    k_centers,
    nearest,
    normalised,
)

RANDOM = np.random.default_rng(0)
EDGES = (0, 4, 9)


def correlations(left, right):
    """Pearson's correlation of every row with every row."""
    return np.corrcoef(left, right)[: len(left), len(left) :]


@pytest.fixture(scope="module")
def raw():
    return (
        RANDOM.normal(size=(6, 9)),
        RANDOM.normal(size=(6, 9)),
        RANDOM.normal(size=(5, 9)),
        RANDOM.normal(size=(5, 9)),
    )


def test_the_sum_kernel_adds_the_correlations_of_all_blocks(raw):
    z, g, other_z, other_g = raw
    found = Descriptors.of(z, g, EDGES).likeness(Descriptors.of(other_z, other_g, EDGES), "sum")
    parts = [
        (end - start - 1) * correlations(one[:, start:end], two[:, start:end])
        for start, end in ((0, 4), (4, 9))
        for one, two in ((z, other_z), (g, other_g))
    ]
    np.testing.assert_allclose(found, sum(parts), rtol=1e-4, atol=1e-4)


def test_the_product_kernel_multiplies_them_within_a_block(raw):
    z, g, other_z, other_g = raw
    found = Descriptors.of(z, g, EDGES).likeness(Descriptors.of(other_z, other_g, EDGES), "product")
    parts = [
        (end - start - 1) ** 2
        * correlations(z[:, start:end], other_z[:, start:end])
        * correlations(g[:, start:end], other_g[:, start:end])
        for start, end in ((0, 4), (4, 9))
    ]
    np.testing.assert_allclose(found, sum(parts), rtol=1e-4, atol=1e-4)


def test_the_label_comes_from_the_image_of_most_similar_features(raw):
    z, _, known, _ = raw
    expected = (3 * correlations(z[:, :4], known[:, :4]) + 4 * correlations(z[:, 4:], known[:, 4:])).argmax(axis=1)
    assert nearest(normalised(z, EDGES), normalised(known, EDGES)).tolist() == expected.tolist()


def test_k_centers_take_what_is_least_like_all_taken():
    likeness = np.array([[9, 8, 1, 3], [8, 9, 2, 4], [1, 2, 9, 5], [3, 4, 5, 9]], dtype=np.float32)
    assert k_centers(likeness, 3, first=0).tolist() == [0, 2, 3]
    assert k_centers(likeness, 9, first=1).tolist() == [1, 2, 3, 0]


def test_anchors_choose_in_turn_and_no_image_twice():
    likeness = np.array(
        [[9, 1, 9, 0], [8, 2, 3, 0], [1, 7, 8, 1], [0, 6, 0, 2], [2, 0, 1, 6], [3, 3, 2, 5]], dtype=np.float32
    )
    # First choices: 0 (9), 0 (9), 2 (7), 4 (6); second: 1 (8), 2 (8), 3 (6), 5 (5).
    assert in_turn(likeness, 5).tolist() == [0, 2, 4, 1, 3]
    assert in_turn(likeness, 6, deepest=1).tolist() == [0, 2, 4]


def pools(n=300, seed=0):
    """Two clouds, one of them rare, and a model that takes part of the rare one for the other."""
    random = np.random.default_rng(seed)
    answers = random.random(n) < 0.1
    features = (random.normal(size=(n, 6)) + 2.5 * answers[:, None] * [1, -1, 1, 0, 0, 0]).astype(np.float32)
    scores = np.clip(0.25 + 0.1 * features[:, 0], 0.01, 0.99).astype(np.float32)
    images = [f"i{row}" for row in range(n)]
    return Pool(images, scores=scores, features=features, draws=random.random(n)), answers


def test_it_finds_the_class_that_the_model_misses():
    pool, answers = pools(2_000)
    rows = np.arange(300)
    known = Known(pool.features[rows], answers[rows], pool.scores[rows])
    rest = pool.take(np.arange(300, 2_000))
    chosen = fisher(rest, 60, 0, known, "sum")
    assert answers[300:][chosen].mean() > 4 * answers[300:].mean()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), k=st.integers(1, 80), combine=st.sampled_from(["sum", "product"]))
def test_the_choice_is_distinct_complete_and_blind_to_order(seed, k, combine):
    pool, answers = pools(120, seed)
    rows = np.arange(30)
    known = Known(pool.features[rows], answers[rows], pool.scores[rows])
    rest = pool.take(np.arange(30, 120))
    chosen = fisher(rest, k, seed, known, combine)
    assert len(set(chosen.tolist())) == min(k, 90)
    shuffled = np.random.default_rng(seed).permutation(90)
    again = fisher(rest.take(shuffled), k, seed, known, combine)
    assert shuffled[again].tolist() == chosen.tolist()


def test_shards_choose_what_the_whole_chooses():
    pool, answers = pools(400)
    rows = np.arange(80)
    ask = Ask(40, 3, Known(pool.features[rows], answers[rows], pool.scores[rows]))
    parts = [pool.take(np.arange(start, start + 80)) for start in (80, 160, 240, 320)]
    merged = Pool.concatenate([part.take(FISHER_SUM.shortlist(part, ask)) for part in parts])
    merged = merged.take(FISHER_SUM.shortlist(merged, ask))
    whole = pool.take(np.arange(80, 400))
    expected = [whole.images[row] for row in fisher(whole, 40, 3, ask.known, "sum")]
    assert [merged.images[row] for row in FISHER_SUM.choose(merged, ask)] == expected


def test_before_anything_is_known_the_choice_is_random():
    pool, _ = pools()
    first, second = (fisher(pool, 50, seed, Known.nothing(), "sum").tolist() for seed in (0, 1))
    assert len(set(first)) == 50
    assert first != second


def test_a_model_without_errors_still_has_anchors():
    pool, answers = pools(100)
    known = Known(pool.features[:20], answers[:20], np.where(answers[:20], 0.9, 0.1).astype(np.float32))
    assert len(set(fisher(pool.take(np.arange(20, 100)), 30, 0, known, "product").tolist())) == 30
