import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.selection import Pool, select
from active_learning.selection.committee import disagreement
from active_learning.selection.smallest import Smallest
from active_learning.selection.uncertainty import margins


def committee(rows: list[list[float]]) -> Pool:
    return Pool([str(i) for i in range(len(rows))], members=np.array(rows, dtype=np.float32))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(0, 9))
def test_margin_equals_a_full_sort(k: int, seed: int):
    scores = np.random.default_rng(seed).random(200).astype(np.float32)
    pool = Pool([str(i) for i in range(200)], scores)
    by_sorting = np.argsort(np.abs(scores.astype(np.float64) - 0.5))[:k]
    for name in ("margin", "least_confidence", "entropy"):
        np.testing.assert_array_equal(select(name, pool, k, seed), by_sorting)


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


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_smallest_of_a_stream_are_those_of_a_sort(data: st.DataObject):
    n, k = data.draw(st.integers(0, 300)), data.draw(st.integers(0, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    kind = data.draw(st.sampled_from([np.float32, np.float64]))
    keys = rng.integers(0, data.draw(st.sampled_from([1, 3, 10**6])), n).astype(kind)
    ties = rng.permutation(n).astype(np.uint64)
    stream = Smallest(k, lambda positions: ties[positions])
    for block in np.split(keys, sorted(data.draw(st.lists(st.integers(0, n), max_size=6)))):
        stream.feed(block)
    np.testing.assert_array_equal(stream.positions(), np.lexsort((ties, keys))[:k])


def test_a_committee_is_judged_by_its_mean():
    # certain and at odds; certain and agreed; undecided each; leaning
    pool = committee([[0, 0, 1], [1, 1, 1], [0.5, 0.5, 0.5], [0.6, 0.7, 0.8]])
    assert select("committee", pool, 4, 0).tolist() == [2, 0, 3, 1]


def test_variation_ratio_counts_votes():
    pool = committee([[0.9] * 4, [0.9, 0.9, 0.9, 0.1], [0.51, 0.51, 0.49, 0.49]])
    assert select("variation_ratio", pool, 3, 0).tolist() == [2, 1, 0]


def test_bald_prefers_members_that_contradict_each_other_to_members_that_do_not_know():
    pool = committee([[0.5, 0.5], [1.0, 0.0], [0.9, 0.1], [1.0, 1.0]])
    assert select("bald", pool, 2, 0).tolist() == [1, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_bald_is_mutual_information_and_turns_with_the_answer(members: list[float]):
    p = np.array([members], dtype=np.float32)
    found = disagreement(p)[0]
    assert 0.0 <= found <= np.log(2) + 1e-12
    assert disagreement(1 - p.astype(np.float64))[0] == pytest.approx(found, abs=1e-12)
    assert disagreement(np.full((1, 7), members[0], dtype=np.float32))[0] == pytest.approx(0.0, abs=1e-12)


def test_bald_by_hand():
    p = np.array([[0.0, 1.0], [0.25, 0.75], [1e-30, 0.0]], dtype=np.float32)
    quarter = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    np.testing.assert_allclose(disagreement(p), [np.log(2), np.log(2) - quarter, 0.0], atol=1e-12)
