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
    dual = _Dual(cells, power, limit)
    low, high = np.full(power[:, 0].shape, -14.0), np.full(power[:, 0].shape, 8.0)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = dual.at(left), dual.at(right)
    best = np.minimum(at_left, at_right)
    for _ in range(_STEPS):
        falls = at_left > at_right  # the minimum lies to the right of ``left``
        low, high = np.where(falls, left, low), np.where(falls, high, right)
        new = np.where(falls, low + _GOLDEN * (high - low), high - _GOLDEN * (high - low))
        value = dual.at(new)
        left, at_left, right, at_right = (
            np.where(falls, right, new),
            np.where(falls, at_right, value),
            np.where(falls, new, left),
            np.where(falls, value, at_left),
        )
        best = np.minimum(best, value)
    return best


class _Dual:
    """The bound at a price k of unseen yes: what does not depend on k is computed once [L, C, S]."""

    def __init__(self, cells: Cells, power: Floats, limit: Floats) -> None:
        self._size = np.maximum(cells.size, 1.0)
        self._drawn, self._price, self._limit, self._power = cells.drawn, cells.price, limit, power
        self._certain = np.minimum(cells.certain_yes, cells.size)
        self._most = np.maximum(np.minimum(cells.rest, cells.size - self._certain), 0.0)
        share = cells.drawn / self._size
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            self._shift = cells.size / np.expm1(power) + self._certain
        # Binomial(Y, m / N), and m - Binomial(N - Y, m / N): linear in u, so the maximum is at an end.
        self._slopes = _log_moment(share, power), -_log_moment(share, -power)
        self._starts = (
            self._slopes[0] * self._certain,
            power * cells.drawn - self._slopes[1] * (cells.size - self._certain),
        )

    def at(self, log_k: Floats) -> Floats:
        """Return the bound at every rate and threshold [L, S]."""
        k = np.exp(log_k)
        cost = k[:, None, :] * self._price
        # Binomial(m, Y / N): its maximum is where the slope equals the cost.
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.nan_to_num(self._drawn / cost - self._shift, nan=0.0, posinf=np.inf, neginf=-np.inf)
        u = np.clip(u, 0.0, self._most)
        value = self._drawn * _log_moment((u + self._certain) / self._size, self._power) - cost * u
        for start, slope in zip(self._starts, self._slopes, strict=True):
            value = np.minimum(value, start + np.maximum((slope - cost) * self._most, 0.0))
        return np.asarray(value.sum(axis=1) + k * self._limit)


def _log_moment(share: Floats, power: Floats) -> Floats:
    """Return log E exp(power B) of a Bernoulli variable B with this share."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-share), np.log(share) + power))
