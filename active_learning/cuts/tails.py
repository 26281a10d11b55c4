"""Exact tails of samples drawn without replacement, and how many images a record must have to show a share."""

from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln

from active_learning.cuts.samples import Floats, Integers


def zero_error_minimum(target: float, risk: float) -> int:
    """Return the smallest sample whose perfect record shows that a share exceeds ``target``: target ** n <= risk."""
    return ceil(log(risk) / log(target) - 1e-12)


def chance_of_record(seen: Integers, seen_yes: Integers, left: Integers, left_yes: Integers) -> Floats:
    """Return the largest chance that ``seen`` images have ``seen_yes`` or more yes and leave at most ``left_yes`` [T].

    The ``seen`` are drawn at random from ``seen + left`` images with any number Y of yes among them. The chance of the
    event grows with Y until Y = seen_yes + left_yes and falls beyond: there it is this hypergeometric tail.
    """
    wrong = seen - seen_yes
    most = int(np.max(wrong, initial=0))
    tails = cumulative(most + 1, seen + left, np.maximum(seen + left - seen_yes - left_yes, 0), seen)
    return np.asarray(np.take_along_axis(tails, wrong[None, :], axis=0)[0])


def cumulative(width: int, total: Integers, marked: Integers, drawn: Integers) -> Floats:
    """Return P(Hypergeometric(total, marked, drawn) <= i) for i = 0 .. width - 1 [width, T]."""
    i = np.arange(width, dtype=np.float64)[:, None]
    possible = (i <= marked) & (i <= drawn) & (drawn - i <= total - marked)
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = _log_choose(marked, i) + _log_choose(total - marked, drawn - i) - _log_choose(total, drawn)
    return np.asarray(np.minimum(np.exp(np.where(possible, terms, -np.inf)).cumsum(axis=0), 1.0))


def _log_choose(n: Integers, k: Floats | Integers) -> Floats:
    return np.asarray(-np.log(n + 1.0) - betaln(n - k + 1.0, k + 1.0))


def size_of_record(rate: Floats, target: Floats, risk: float) -> Floats:
    """Return the sample sizes at which a record of ``rate`` shows a share above ``target``, by bisection [T].

    P(Binomial(n, target) >= rate n), continued to real n, is the incomplete beta function
    I_target(rate n, (1 - rate) n + 1).
    """
    low, high = np.zeros(len(rate)), np.full(len(rate), log(1e9))
    for _ in range(40):
        middle = (low + high) / 2.0
        n = np.exp(middle)
        passes: NDArray[np.bool_] = betainc(rate * n, (1.0 - rate) * n + 1.0, target) <= risk
        low, high = np.where(passes, low, middle), np.where(passes, middle, high)
    return np.asarray(np.exp(high))
