"""Tests for validation images that were drawn from several strata, each at its own rate.

The counts of a stratum on one side of a threshold are a cell of ``active_learning.cuts.chernoff``. A yes image counts
as much as what one drawn image stands for, to some power between 0 and 1: with 1 the statistic estimates the number of
yes, with 0 it counts heads, and no spread of the unseen yes can hide behind a few images that stand for many. The power
is the one that would serve the record that the model's scores foretell best: answers have no say in it.

**Decay** is an assumption that a caller may make and that no sample of this size can check: among the images below the
cut, yes images are at least as frequent, relative to what the model's scores promise, in a stratum of higher pilot
score as in a lower one. (The model may be overconfident, as long as it is no more so where the pilot saw nothing.
Scores under a floor are not believed.) With m images drawn from a cell of N whose mean score is q, the images drawn
below the cut meet lost ones at a rate of at least min over j of (sum m q) / (sum N q), both sums over the strata from j
up, for the extreme cases are steps. Lost images then cannot hide where nobody looks, and all strata below count as one
cell with that rate, whose number of yes Z has E exp(-s Z) <= (1 + rate (exp(-s) - 1)) ** Y.
"""

import numpy as np

from active_learning.cuts.chernoff import Cells, chances
from active_learning.cuts.noise import at_most
from active_learning.cuts.samples import Floats, Integers
from active_learning.cuts.sides import Side

_RISK_OF_HIDDEN = 0.05  # share of the risk for yes images behind no answers, where any is in doubt
_ENDLESS = 1e9  # size of a cell in which drawing takes nothing away
_POWERS = (1.0, 0.5, 0.0)


def precision_chances(above: Side, seen_yes: Integers, rest_yes: Integers, risk: float) -> Floats:
    """Return p-values of "at most ``rest_yes`` of the rest above are yes" [S] for records ``seen_yes`` [H, S]."""
    hidden, spent = _hidden(above, risk)
    limit = rest_yes.astype(np.float64)
    power = _power(above, 1.0, limit)
    cells = _cells(above, seen_yes, hidden, 1.0, above.doubt_yes, power)
    return np.where(above.rest.sum(axis=0) > 0, np.minimum(chances(cells, limit) + spent, 1.0), 1.0)


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
    limit = np.full(below.seen.shape[1], -lost)
    power = np.ones(len(limit)) if decay is not None else _power(below, -1.0, limit)
    cells = _cells(below, below.seen_yes, -below.seen_yes, -1.0, below.doubt_no, power)
    if decay is not None:
        cells = _merged(cells, np.maximum(below.promised / np.maximum(below.size, 1), decay))
    return np.where(below.rest.sum(axis=0) < lost, 0.0, chances(cells, limit))


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


def _power(side: Side, price: float, limit: Floats) -> Floats:
    """Return the power that gives the foretold record the smallest p-value [S]."""
    nothing = np.zeros(side.seen.shape)
    found = []
    for power in _POWERS:
        more = nothing if price > 0 else -side.foretold
        cells = _cells(side, side.foretold, more, price, nothing, np.full(len(limit), power))
        found.append(chances(cells, limit))
    return np.asarray(np.array(_POWERS)[np.argmin(found, axis=0)])


def _cells(
    side: Side, seen_yes: Floats | Integers, more: Floats | Integers, price: float, doubt: Floats, power: Floats
) -> Cells:
    stands_for = np.where(side.seen > 0, side.left / np.maximum(side.seen, 1), 0.0)
    return Cells(
        size=side.size.astype(np.float64),
        drawn=side.seen.astype(np.float64),
        drawn_yes=np.asarray(seen_yes, dtype=np.float64),
        certain_yes=np.asarray(seen_yes + side.known_yes + more, dtype=np.float64),
        rest=side.rest.astype(np.float64),
        weight=price * np.where(stands_for > 0, np.maximum(stands_for, 1e-9) ** power, 0.0),
        price=np.full(side.seen.shape, price),
        doubt=doubt,
    )
