"""The audit over many streams: false alarms within alpha over all time, real breaks found, sequences that cover."""

import numpy as np
from scipy.special import betaincc, betaln
from scipy.stats import binomtest

from active_learning.audit import interval

TARGET, ALPHA, CHECKS, STREAMS = 0.95, 0.05, 1500, 1000


def alarms(rate: float) -> tuple[float, float]:
    """Share of streams that ever alarm, and the median check at which they do, with labels wrong at this rate."""
    rng = np.random.default_rng(1)
    wrong = (rng.random((STREAMS, CHECKS)) < rate).cumsum(axis=1)
    n = np.arange(1, CHECKS + 1)
    e = 1 - TARGET
    wealth = (
        betaln(wrong + 0.5, n - wrong + 0.5) + np.log(np.maximum(betaincc(wrong + 0.5, n - wrong + 0.5, e), 1e-300))
        - betaln(0.5, 0.5) - np.log(betaincc(0.5, 0.5, e)) - wrong * np.log(e) - (n - wrong) * np.log(TARGET)
    )  # fmt: skip
    ever = wealth >= np.log(1 / ALPHA)
    first = np.where(ever.any(axis=1), ever.argmax(axis=1), CHECKS)
    return float(ever.any(axis=1).mean()), float(np.median(first))


def test_false_alarms_stay_within_alpha_over_all_time():
    share, _ = alarms(1 - TARGET)
    assert binomtest(round(share * STREAMS), STREAMS, ALPHA, alternative="greater").pvalue > 0.01


def test_broken_promises_are_found():
    share, when = alarms(0.15)
    assert share > 0.99
    assert when < 120


def test_the_confidence_sequence_covers_at_all_times_at_once():
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(150):
        right = (rng.random(400) < 0.9).cumsum()
        ends = [interval(int(right[n - 1]), n, 0.1) for n in range(5, 401, 15)]
        missed += any(not low <= 0.9 <= high for low, high in ends)
    assert binomtest(missed, 150, 0.1, alternative="greater").pvalue > 0.01
