import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from active_learning.domain.errors import InputError
from active_learning.splits import draw, stable_seed, validation_threshold


def test_draws_are_the_same_on_every_machine():
    assert draw(0, "a") == 0.6170009362330672  # sha256sum of "0:a"
    assert draw(1, "a") != draw(0, "a")
    assert stable_seed("a", 1) == stable_seed("a", 1) != stable_seed("a1")


@settings(max_examples=30, deadline=None)
@given(st.integers(), st.text())
def test_draws_lie_in_the_unit_interval(seed: int, image: str):
    assert 0.0 <= draw(seed, image) < 1.0


def test_draws_are_uniform_and_do_not_follow_the_seed():
    draws = np.array([[draw(seed, f"image-{i}") for i in range(2000)] for seed in (1, 2)])
    assert kstest(draws[0], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(draws)[0, 1]) < 0.06


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 70))
def test_threshold_takes_exactly_n(size: int, n: int):
    draws = [draw(3, str(i)) for i in range(size)]
    assert sum(d < validation_threshold(draws, n) for d in draws) == min(n, size)


def test_late_arrivals_join_by_the_same_threshold():
    draws = [draw(5, str(i)) for i in range(2000)]
    threshold = validation_threshold(draws[:1000], 200)
    late = sum(d < threshold for d in draws[1000:])
    assert 150 < late < 250


def test_every_image_is_drawn_equally_often():
    images = [str(i) for i in range(10)]
    counts = np.zeros(10)
    for seed in range(2000):
        draws = np.array([draw(seed, image) for image in images])
        counts += draws < validation_threshold(draws, 3)
    assert np.all(np.abs(counts / 2000 - 0.3) < 0.04)


def test_a_negative_number_is_refused():
    with pytest.raises(InputError):
        validation_threshold([0.1], -1)
