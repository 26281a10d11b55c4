"""Tests for validation images that were drawn from several strata, each at its own rate.

A *cell* is one stratum on one side of a threshold: N images of the population, m of them drawn at random, x of those
yes. How the yes images that nobody saw are spread over the cells is not known, so the tests hold for every spread.

**The statistic** is T = sum of v x over cells, with v proportional to what one drawn image stands for (images left per
image drawn). It estimates what the promise is about; large T speaks for the promise.

**The bound.** For given numbers Y of yes in the cells, P(T >= T_seen) <= exp(-l T_seen) prod E exp(l v X) for every
l > 0 (Chernoff), and the moment of the hypergeometric X is at most that of Binomial(m, Y / N), of Binomial(Y, m / N),
and of m - Binomial(N - Y, m / N) (Hoeffding 1963: drawing without replacement spreads less). The logarithm of each is
concave in Y.

**The worst spread.** Y = u + a, where a counts the yes that are seen or known and 0 <= u <= rest. The promise is broken
when sum g u <= b. Over that set the largest bound is at most
min over k >= 0 of sum max over u of (log moment(u) - k g u) + k b (Lagrange), and so for any k: an inexact minimum errs
on the safe side. The p-value is the least of these over a grid of l. It is valid: if the promise is broken, the true
spread is in the set, so the record passes only if the bound at the true spread is within the risk; that bound is a
falling function of T alone, and T reaches the value where it equals the risk with a chance of at most the risk.

**Decay** is an assumption that a caller may make and that no sample of this size can check: among the images below the
cut, yes images are at least as frequent, relative to what the model's scores promise, in a stratum of higher pilot
score as in a lower one. (The model may be overconfident, as long as it is no more so where the pilot saw nothing.
Scores under a floor are not believed.) With m images drawn from a cell of N whose mean score is q, the images drawn
below the cut meet lost ones at a rate of at least min over j of (sum m q) / (sum N q), both sums over the strata from j
up, for the extreme cases are steps. Lost images then cannot hide where nobody looks, and all strata below count as one
cell with that rate, whose number of yes Z has E exp(-s Z) <= (1 + rate (exp(-s) - 1)) ** Y.

**Wrong answers** that speak for the promise add a Poisson number of mean ``doubt`` to x; their moment joins the
product.
"""

from dataclasses import dataclass

import numpy as np

from active_learning.cuts.noise import MARGIN, at_most
from active_learning.cuts.samples import Floats, Integers
from active_learning.cuts.sides import Side

_RISK_OF_HIDDEN = 0.05  # share of the risk for yes images behind no answers, where any is in doubt
_ENDLESS = 1e9  # size of a cell in which drawing takes nothing away
_RATES = 24
_STEPS = 26
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True)
class Cells:
    """C cells at S thresholds, each [C, S]."""

    size: Floats  # N
    drawn: Floats  # m
    drawn_yes: Floats  # x, as answered
    certain_yes: Floats  # a: seen or known to be yes, and as many more as may hide behind no answers
    rest: Floats  # the most yes among images that nobody decided
    weight: Floats  # v; its sign is that of ``price``
    price: Floats  # g
    doubt: Floats  # mean number of wrong answers that speak for the promise


def precision_chances(above: Side, seen_yes: Integers, rest_yes: Integers, risk: float) -> Floats:
    """Return p-values of "at most ``rest_yes`` of the rest above are yes" [S] for records ``seen_yes`` [H, S]."""
    hidden, spent = _hidden(above, risk)
    cells = _cells(above, seen_yes, hidden, 1.0, above.doubt_yes)
    return np.where(
        above.rest.sum(axis=0) > 0, np.minimum(chances(cells, rest_yes.astype(np.float64)) + spent, 1.0), 1.0
    )


def least_yes(whole: Side, risk: float) -> float:
    """Return how many yes images the pool has at the least; more than ``risk`` speaks against fewer.

    Of the lowest stratum only the yes that were seen count: what few images of a large stratum say is too uncertain.

    Args:
        whole: all of it, by stratum [H, 1].
        risk: what this bound may spend.
    """
    upper = whole.part(slice(1, None))
    wrong = at_most(whole.doubt_yes, _RISK_OF_HIDDEN * risk / len(whole.seen))
    low, high = 0, int(upper.rest.sum()) + 1
    while high - low > max(1, high // 500):
        middle = (low + high) // 2
        refuted = precision_chances(upper, upper.seen_yes, np.array([middle]), risk)[0] <= risk * (
            1.0 - _RISK_OF_HIDDEN
        )
        low, high = (middle, high) if refuted else (low, middle)
    return low + float((np.maximum(whole.seen_yes - wrong, 0) + whole.known_yes).sum())


def recall_chances(below: Side, lost: float, decay: float | None = None) -> Floats:
    """Return p-values of "at least ``lost`` yes images of the rest lie below" [S].

    Args:
        below: what lies below each threshold [H, S].
        lost: the fewest that break the promise.
        decay: the floor of scores, where decay is assumed.
    """
    # Yes answers may be wrong; to count none of them as certain makes the loss no smaller.
    cells = _cells(below, below.seen_yes, -below.seen_yes.astype(np.float64), -1.0, below.doubt_no)
    if decay is not None:
        cells = _merged(cells, np.maximum(below.promised / np.maximum(below.size, 1), decay))
    return np.where(below.rest.sum(axis=0) < lost, 0.0, chances(cells, np.full(below.seen.shape[1], -lost)))


def _merged(lost: Cells, expected: Floats) -> Cells:
    """Return all strata below as one cell [1, S] at the least rate at which decay lets lost images be met."""
    met = (expected * lost.drawn)[::-1].cumsum(axis=0)
    of = (expected * lost.size)[::-1].cumsum(axis=0)
    rate = np.where(of > 0, met / np.maximum(of, 1e-300), 1.0).min(axis=0, keepdims=True)
    drawn_yes, certain, rest, doubt = (
        array.sum(axis=0, keepdims=True) for array in (lost.drawn_yes, lost.certain_yes, lost.rest, lost.doubt)
    )
    size = np.full(rate.shape, _ENDLESS)
    weight = np.where(rate > 0, -1.0 / np.maximum(rate, 1e-12), 0.0)
    return Cells(size, rate * size, drawn_yes, certain, rest, weight, np.full(rate.shape, -1.0), doubt)


def _hidden(side: Side, risk: float) -> tuple[Floats, float]:
    """Return how many yes images no answers may hide, and the risk that this spends."""
    hidden = at_most(side.doubt_no, _RISK_OF_HIDDEN * risk / len(side.seen))
    return hidden, _RISK_OF_HIDDEN * risk * bool(hidden.any())


def _cells(side: Side, seen_yes: Integers, more: Floats, price: float, doubt: Floats) -> Cells:
    stands_for = np.where(side.seen > 0, side.left / np.maximum(side.seen, 1), 0.0)
    return Cells(
        size=side.size.astype(np.float64),
        drawn=side.seen.astype(np.float64),
        drawn_yes=seen_yes.astype(np.float64),
        certain_yes=seen_yes + side.known_yes + more,
        rest=side.rest.astype(np.float64),
        weight=price * stands_for,
        price=np.full(side.seen.shape, price),
        doubt=doubt,
    )


def chances(cells: Cells, limit: Floats) -> Floats:
    """Return p-values of "the promise is broken: sum of price times unseen yes is at most ``limit``" [S]."""
    seen = (cells.weight * cells.drawn_yes).sum(axis=0)
    size = np.abs(cells.weight)
    largest, some = size.max(axis=0), (cells.drawn > 0) & (size > 0)
    smallest = np.where(some, size, np.inf).min(axis=0)
    smallest = np.where(np.isfinite(smallest), smallest, 1.0)
    low, high = np.log(0.02 / np.maximum(largest, 1e-12)), np.log(8.0 / np.maximum(smallest, 1e-12))
    rates = np.exp(low + (high - low) * np.linspace(0.0, 1.0, _RATES)[:, None])  # l [L, S]
    power = rates[:, None, :] * cells.weight  # l v [L, C, S]
    noise = (MARGIN * cells.doubt * np.expm1(np.minimum(np.abs(power), 500.0))).sum(axis=1)
    worst = _worst(cells, power, limit)
    least = (worst + noise - rates * seen).min(axis=0)
    return np.asarray(np.exp(np.minimum(least, 0.0)))


def _worst(cells: Cells, power: Floats, limit: Floats) -> Floats:
    """Bound the largest log moment over all spreads that break the promise [L, S]: golden section over k."""
    low, high = np.full(power[:, 0].shape, -14.0), np.full(power[:, 0].shape, 8.0)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _dual(cells, power, limit, left), _dual(cells, power, limit, right)
    best = np.minimum(at_left, at_right)
    for _ in range(_STEPS):
        falls = at_left > at_right  # the minimum lies to the right of ``left``
        low, high = np.where(falls, left, low), np.where(falls, high, right)
        new = np.where(falls, low + _GOLDEN * (high - low), high - _GOLDEN * (high - low))
        value = _dual(cells, power, limit, new)
        left, at_left, right, at_right = (
            np.where(falls, right, new),
            np.where(falls, at_right, value),
            np.where(falls, new, left),
            np.where(falls, value, at_left),
        )
        best = np.minimum(best, value)
    return best


def _dual(cells: Cells, power: Floats, limit: Floats, log_k: Floats) -> Floats:
    k = np.exp(log_k)
    cost = k[:, None, :] * cells.price  # [L, C, S]
    size, drawn, certain, rest = cells.size, cells.drawn, np.minimum(cells.certain_yes, cells.size), cells.rest
    most = np.maximum(np.minimum(rest, size - certain), 0.0)
    share = np.where(size > 0, drawn / np.maximum(size, 1.0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Binomial(m, Y / N): its maximum is where the slope equals the cost.
        u = np.nan_to_num(drawn / cost - size / np.expm1(power) - certain, nan=0.0, posinf=np.inf, neginf=-np.inf)
        u = np.clip(u, 0.0, most)
        first = drawn * _log_moment(np.where(size > 0, (u + certain) / np.maximum(size, 1.0), 0.0), power) - cost * u
    # The other two are linear in u: the maximum is at an end.
    slope = _log_moment(share, power)
    second = slope * certain + np.maximum((slope - cost) * most, 0.0)
    other = _log_moment(share, -power)
    third = power * drawn + other * (size - certain) + np.maximum((-other - cost) * most, 0.0)
    value = np.minimum(np.minimum(first, second), third)
    return np.asarray(value.sum(axis=1) + k * limit)


def _log_moment(share: Floats, power: Floats) -> Floats:
    """Return log E exp(power B) of a Bernoulli variable B with this share."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-share), np.log(share) + power))
