"""A valid p-value for weighted counts of yes from several cells, whatever the spread of the yes that nobody saw.

A *cell* is one stratum on one side of a threshold: N images of the population, m of them drawn at random, x of those
yes.

**The statistic** is T = sum of v x over cells; large T speaks for the promise.

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

**Wrong answers** that speak for the promise add a Poisson number of mean ``doubt`` to x; their moment joins the
product.
"""

from dataclasses import dataclass

import numpy as np

from active_learning.cuts.noise import MARGIN
from active_learning.cuts.samples import Floats

_RATES = 16
_STEPS = 18
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
