"""Likely label errors: by hand, planted ones, and the laws of the rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from active_learning.domain.errors import InputError
from active_learning.label_errors import likely_errors

labels_and_scores = st.integers(1, 40).flatmap(
    lambda n: st.tuples(arrays(bool, n), arrays(np.float64, n, elements=st.floats(0, 1)))
)


def slow(answers, scores):
    """The confident joint's off-diagonal, one label at a time, as the paper counts it."""
    if len(set(answers.tolist())) < 2:
        return set()
    chances = np.stack([1 - scores, scores], axis=1)
    given_labels = answers.astype(int)
    thresholds = [chances[given_labels == label, label].mean() for label in (0, 1)]
    found = set()
    for row, label in enumerate(given_labels):
        bins = [k for k in (0, 1) if chances[row, k] >= thresholds[k]]
        if bins:
            counted = max(bins, key=lambda k: chances[row, k])
            if counted != label and chances[row, counted] > chances[row, label]:
                found.add(row)
    return found


def test_by_hand():
    answers = np.array([True, True, True, False, False, False])
    scores = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.7])
    # Confident of yes from 0.6 on, of no from a score of 1/3 down.
    found = likely_errors(answers, scores)
    assert found.positions.tolist() == [2, 5]
    np.testing.assert_allclose(found.margins, [0.1, 0.3])


@settings(deadline=None, max_examples=40)
@given(labels_and_scores)
def test_it_is_the_off_diagonal_of_the_confident_joint(case):
    answers, scores = case
    near = np.abs(scores - 0.5).min() < 1e-9
    if not near:
        assert set(likely_errors(answers, scores).positions.tolist()) == slow(answers, scores)


@settings(deadline=None, max_examples=40)
@given(labels_and_scores)
def test_yes_and_no_are_treated_alike(case):
    answers, scores = case
    scores = np.round(scores * 64) / 64  # so that 1 - p is exact
    mirrored = likely_errors(~answers, 1 - scores)
    assert set(mirrored.positions.tolist()) == set(likely_errors(answers, scores).positions.tolist())


@settings(deadline=None, max_examples=40)
@given(labels_and_scores, st.integers(0, 100))
def test_the_order_of_the_labels_says_nothing(case, seed):
    answers, scores = case
    scores = np.round(scores * 64) / 64  # so that means do not depend on the order of addition
    order = np.random.default_rng(seed).permutation(len(answers))
    shuffled = order[likely_errors(answers[order], scores[order]).positions]
    assert set(shuffled.tolist()) == set(likely_errors(answers, scores).positions.tolist())


@settings(deadline=None, max_examples=40)
@given(labels_and_scores)
def test_suspects_are_distinct_contradicted_and_ranked(case):
    answers, scores = case
    found = likely_errors(answers, scores)
    assert len(set(found.positions.tolist())) == len(found)
    assert (np.diff(found.margins) >= 0).all()
    assert ((scores[found.positions] > 0.5) != answers[found.positions]).all()


def test_planted_errors_are_found():
    random = np.random.default_rng(0)
    truth = random.random(2_000) < 0.3
    scores = 1 / (1 + np.exp(-random.normal(np.where(truth, 3, -3), 1.5)))
    wrong = random.random(2_000) < 0.05
    found = likely_errors(truth ^ wrong, scores)
    assert wrong[found.positions].mean() > 0.8
    assert wrong[found.positions].sum() > 0.65 * wrong.sum()


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="do not fit"):
        likely_errors(np.array([True, False]), np.array([0.5]))
    with pytest.raises(InputError, match="not a number"):
        likely_errors(np.array([True, False]), np.array([np.nan, 0.5]))
