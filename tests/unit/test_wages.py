import pytest
from hypothesis import given
from hypothesis import strategies as st

from active_learning.domain.policy import Policy
from active_learning.wages import AWAY_MS, ENOUGH_MS, HOUR_MS, active_ms, hourly_cents, top_up
from labeling_ui.contexts import Fund, Money


@given(
    reward=st.integers(0, 2_000),
    worked=st.integers(0, 8 * HOUR_MS),
    floor=st.integers(0, 10_000),
)
def test_with_the_top_up_the_floor_is_reached_and_not_a_cent_more_is_paid(reward: int, worked: int, floor: int) -> None:
    extra = top_up(reward, worked, floor)
    owed = floor * worked  # in cents times milliseconds an hour
    assert (reward + extra) * HOUR_MS >= owed
    assert extra == 0 or (reward + extra - 1) * HOUR_MS < owed


@given(st.lists(st.floats(0, 1e7), max_size=30), st.floats(0, 1e7))
def test_work_is_never_more_than_the_clock_or_a_minute_an_image(visible: list[float], elapsed: float) -> None:
    worked = active_ms(visible, elapsed)
    assert 0 <= worked <= round(elapsed)
    assert worked <= AWAY_MS * len(visible)
    assert worked <= active_ms(visible)


def test_a_task_of_the_facts_table() -> None:
    """150 images at 1.7 s are 255 s: $15 an hour ask for $1.07 (1.0625 rounded up), a reward of $0.60 lacks $0.47."""
    worked = active_ms([1_700.0] * 150)
    assert worked == 255_000
    assert top_up(60, worked, 1_500) == 47
    assert top_up(107, worked, 1_500) == 0
    assert top_up(60, worked, Policy().wage_floor_cents) == 0
    assert hourly_cents(60, worked) == pytest.approx(847.06, abs=0.01)


def test_a_moment_of_work_makes_no_hourly_wage() -> None:
    assert hourly_cents(60, ENOUGH_MS - 1) is None


def test_a_category_with_too_little_work_has_no_say_in_the_wage_of_all() -> None:
    fund = Fund(slug="car", question="A car?", state="open", budget=0, spent=0, committed=0)
    much = fund.model_copy(update={"hourly": 900.0, "worked_ms": 7_200_000})
    little = fund.model_copy(update={"hourly": None, "worked_ms": 50_000})
    assert Money(days=30, funds=(little,)).hourly is None
    assert Money(days=30, funds=(much, little)).hourly == 900.0
