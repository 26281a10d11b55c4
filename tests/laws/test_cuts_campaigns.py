"""Whole campaigns with known truth: the promise at the end, after five adaptive looks, with a noisy crowd."""

import pytest
from scipy.stats import binomtest

from tests.bench.guarantee import POLICY, WORLDS, Found, campaign, share_broken, yield_of

EACH = 20


@pytest.fixture(scope="module")
def found() -> dict[float, list[Found]]:
    return {p: [campaign(1_000 + seed, p, distance) for seed in range(EACH)] for p, distance in WORLDS}


def test_promises_are_broken_no_more_often_than_stated(found: dict[float, list[Found]]):
    everything = [one for each in found.values() for one in each]
    broken = round(share_broken(everything) * len(everything))
    assert binomtest(broken, len(everything), 1 - POLICY.confidence, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize("prevalence", [0.3, 0.1, 0.05])
def test_most_of_what_an_oracle_decides_is_decided(found: dict[float, list[Found]], prevalence: float):
    assert yield_of(found[prevalence]) > 0.8


def test_lsuns_thresholds_break_their_promise_far_more_often_than_stated(found: dict[float, list[Found]]):
    """In two fifths of these; where yes is rarer, wrong answers of people make its thresholds careful by chance."""
    broken = [one.naive for p in (0.3, 0.1) for one in found[p]]
    assert binomtest(sum(broken), len(broken), 1 - POLICY.confidence, alternative="greater").pvalue < 1e-6


def test_the_same_tests_on_images_that_uncertainty_chose_break_the_promise(found: dict[float, list[Found]]):
    broken = [one.uncertain for p in (0.3, 0.1) for one in found[p]]
    assert binomtest(sum(broken), len(broken), 1 - POLICY.confidence, alternative="greater").pvalue < 1e-6
