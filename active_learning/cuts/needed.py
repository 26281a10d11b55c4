"""How many more validation images a side without a cut needs, if the next ones are like the present ones."""

from collections.abc import Callable
from math import ceil

import numpy as np

from active_learning.cuts.lower import LowerSide, Strata
from active_learning.cuts.samples import Validation
from active_learning.cuts.tails import size_of_record, zero_error_minimum
from active_learning.cuts.upper import UpperSide


def share_of_yes(validation: Validation) -> float:
    """Return the share of yes. Half an image is added to either answer: none is taken for 0 because none was met."""
    return (validation.positives + 0.5) / (len(validation) + 1.0)


def for_precision(validation: Validation, upper: UpperSide, risk: float) -> int:
    """Return how many more validation images would let the sequence start, if they repeat the record of these.

    Only thresholds down to the start count: what would pass further down does not help a sequence that never
    gets there.
    The record of a threshold is taken half an image worse on both counts, so that three right of three promise little.
    Where no record is good enough, more images alone will not help; the number then is what a model half way between
    the target and perfection would need with so many yes images as these.
    """
    if len(upper.above.seen) > 1:
        return _by_growth(validation, lambda factor: upper.grown(factor, risk))
    n, above, target = len(validation), upper.above, upper.target
    seen, seen_yes, rest, known_yes = above.seen[0], above.seen_yes[0], above.rest[0], above.known_yes[0]
    need = (target * rest + known_yes) / np.maximum(above.left[0], 1)
    rate = (seen_yes + 0.5) / (seen + 1.0)
    hopeful = (rest > 0) & (seen > 0)
    able = np.flatnonzero(hopeful & (need**seen <= risk))
    hopeful[able[0] + 1 if len(able) else n :] = False
    hopeful &= rate > need
    if not hopeful.any():
        size = float(size_of_record(np.array([(1.0 + target) / 2.0]), np.array([target]), risk)[0])
        return max(1, ceil(size / share_of_yes(validation)) - n)
    growth = size_of_record(rate[hopeful], need[hopeful], risk) / seen[hopeful]
    return max(1, ceil(n * (float(growth.min()) - 1.0)))


def for_recall(validation: Validation, lower: LowerSide, recall: float, risk: float) -> int:
    """Return how many more validation images bring enough yes images for a perfect record to show the recall.

    Of several strata: how many, by the same design, would let any threshold pass if they repeat the present record.
    """
    if isinstance(lower, Strata):
        return _by_growth(validation, lambda factor: lower.grown(factor, risk))
    return max(1, ceil(zero_error_minimum(recall, risk) / share_of_yes(validation)) - len(validation))


def _by_growth(validation: Validation, passes: Callable[[float], bool]) -> int:
    """Return how many more images make the first factor, in steps of a fifth, that passes; tenfold where none does."""
    factor = 1.0
    while factor < _MOST and not passes(factor):
        factor *= 1.2
    return max(1, ceil((min(factor, _MOST) - 1.0) * len(validation)))


_MOST = 10.0
