import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from active_learning.audit import Audit, alpha_of_rule, draw, interval, log_wealth, target_of_no
from active_learning.domain.errors import InputError


def checked(audit: Audit, answers: list[bool]) -> Audit:
    for right in answers:
        audit = audit.check(right)
    return audit


@pytest.mark.parametrize(("wrong", "n"), [(0, 0), (0, 20), (3, 20), (9, 10), (10, 10)])
def test_wealth_is_the_mean_over_worse_models(wrong: int, n: int):
    e = 0.1
    prior = beta(0.5, 0.5)

    def density(q: float) -> float:
        return prior.pdf(q) / prior.sf(e) * (q / e) ** wrong * ((1 - q) / (1 - e)) ** (n - wrong)

    assert log_wealth(wrong, n, 0.9) == pytest.approx(np.log(quad(density, e, 1)[0]), abs=1e-5)


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([0.5, 0.9, 0.95]))
@settings(max_examples=60, deadline=None)
def test_the_next_check_is_fair_at_the_promise_and_unfair_above_it(right: int, wrong: int, target: float):
    n, now = right + wrong, np.exp(log_wealth(wrong, right + wrong, target))
    up, down = (np.exp(log_wealth(wrong + more, n + 1, target)) for more in (1, 0))
    assert (1 - target) * up + target * down == pytest.approx(now, rel=1e-8)
    assert (1 - target) / 2 * up + (1 + target) / 2 * down <= now * (1 + 1e-9)


def test_an_alarm_stays():
    audit = checked(Audit(0.9, 0.05), [False] * 4)
    assert audit.alarm
    later = checked(audit, [True] * 500)
    assert later.alarm
    assert later.p_value == audit.p_value


def test_good_labels_raise_no_alarm_and_show_what_was_reached():
    audit = checked(Audit(0.9, 0.05), ([True] * 49 + [False]) * 8)
    assert not audit.alarm
    low, high = audit.interval()
    assert 0.94 < low < 0.98 < high < 1.0


def test_intervals_narrow_and_mirror():
    assert interval(0, 0, 0.05) == (0.0, 1.0)
    assert interval(0, 50, 0.05)[0] == 0.0
    low, high = interval(30, 40, 0.05)
    assert interval(10, 40, 0.05) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    wide, narrow = interval(15, 20, 0.05), interval(150, 200, 0.05)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_alpha_is_never_overspent_by_new_rules():
    assert sum(alpha_of_rule(0.1, k) for k in range(1, 2000)) <= 0.1
    with pytest.raises(InputError):
        alpha_of_rule(0.1, 0)


def test_no_labels_may_be_wrong_as_often_as_the_recall_allows():
    assert target_of_no(0.95, 1000, 50_000) == pytest.approx(0.999)
    assert 0 < target_of_no(0.5, 10_000, 10) < 1e-6


def test_draws_repeat_and_reach_all():
    assert np.array_equal(draw(100, 5, "birds", 3), draw(100, 5, "birds", 3))
    assert set(draw(10, 400, "birds", 4)) == set(range(10))
    assert len(draw(0, 5, "birds", 1)) == 0


@pytest.mark.parametrize(("target", "alpha"), [(1.0, 0.1), (0.9, 0.0)])
def test_shares_are_checked(target: float, alpha: float):
    with pytest.raises(InputError):
        Audit(target, alpha)
