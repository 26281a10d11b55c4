import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.estimates import Estimate, clopper_pearson, forecast

POLICY = Policy()


def left(unknown: int, **changes: object) -> Estimate:
    arguments: dict[str, object] = {
        "unknown": unknown,
        "unknown_by_round": [1000, 600, 300],
        "human_labels_by_round": [100, 100],
        "votes_per_label": 2.4,
        "answers_per_assignment": 110.0,
        "seconds_per_answer": 1.7,
        "policy": POLICY,
    }
    return forecast(**(arguments | changes))  # type: ignore[arg-type]


@settings(max_examples=40)
@given(st.integers(0, 300), st.data(), st.sampled_from([0.8, 0.9, 0.95]))
def test_clopper_pearson_is_scipys_exact_interval(n: int, data: st.DataObject, confidence: float):
    k = data.draw(st.integers(0, n))
    if n == 0:
        assert clopper_pearson(0, 0, confidence) == (0.0, 1.0)
        return
    expected = binomtest(k, n).proportion_ci(confidence, method="exact")
    assert clopper_pearson(k, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_clopper_pearson_covers(share: float):
    n, confidence = 50, 0.9
    ends = [clopper_pearson(k, n, confidence) for k in range(n + 1)]
    too_high = sum(binom.pmf(k, n, share) for k, (low, _) in enumerate(ends) if low > share)
    too_low = sum(binom.pmf(k, n, share) for k, (_, high) in enumerate(ends) if high < share)
    assert max(too_high, too_low) <= 0.05


@pytest.mark.parametrize(("k", "n", "confidence"), [(2, 1, 0.9), (-1, 1, 0.9), (0, 1, 1.0)])
def test_impossible_counts_are_refused(k: int, n: int, confidence: float):
    with pytest.raises(InputError):
        clopper_pearson(k, n, confidence)


def test_forecast_by_hand():
    # The model decided (400 - 100) / 1000 and (300 - 100) / 600 of the unknown.
    estimate = left(300)
    assert estimate.answers == (480, 492, 1080)
    assert estimate.cents == (5 * 72, 5 * 72, 10 * 72)
    assert estimate.seconds == (1113, 1141, 2504)


def test_before_the_first_round_everything_is_left_to_people():
    estimate = left(110, unknown_by_round=[], human_labels_by_round=[], votes_per_label=2.0)
    assert estimate.answers == (220, 220, 330)
    assert estimate == left(110, unknown_by_round=[110], human_labels_by_round=[], votes_per_label=2.0)


def test_nothing_left_costs_nothing():
    assert left(0) == Estimate((0, 0, 0), (0, 0, 0), (0, 0, 0))


def test_no_label_takes_more_than_the_most_votes():
    assert left(100, votes_per_label=4.5).answers[2] == 500


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**7), st.integers(1, 1000), st.floats(1.0, 5.0))
def test_intervals_are_ordered_and_grow_with_what_is_left(unknown: int, more: int, votes: float):
    small, large = left(unknown, votes_per_label=votes), left(unknown + more, votes_per_label=votes)
    for a, b in ((small.answers, large.answers), (small.cents, large.cents), (small.seconds, large.seconds)):
        assert 0 <= a[0] <= a[1] <= a[2]
        assert np.all(np.array(a) <= np.array(b))


def test_a_round_in_which_the_pool_grew_counts_as_no_help():
    assert left(100, unknown_by_round=[100, 200], human_labels_by_round=[10], votes_per_label=2.0).answers[0] == 200


@pytest.mark.parametrize(
    "changes", [{"unknown_by_round": [1]}, {"votes_per_label": 0.0}, {"unknown": -1}, {"answers_per_assignment": 0.0}]
)
def test_wrong_histories_and_rates_are_refused(changes: dict[str, object]):
    with pytest.raises(InputError):
        left(100, **changes) if "unknown" not in changes else left(-1)
