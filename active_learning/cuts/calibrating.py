"""One look at the validation images: two cuts, their bounds, and what a failing side needs."""

import numpy as np

from active_learning.cuts import needed
from active_learning.cuts.lower import lower_side
from active_learning.cuts.samples import Floats, Integers, Tally, Validation
from active_learning.cuts.sides import sides
from active_learning.cuts.upper import UpperSide
from active_learning.domain.cuts import Calibration, Cuts
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy


def risk_of_look(confidence: float, look: int) -> float:
    """Return the error budget that one side spends at look k = 1, 2, ...: 1 / (k (k + 1)) of half of delta.

    Raises:
        InputError: ``look`` is below 1.
    """
    if look < 1:
        raise InputError(f"There is no look {look}.", "Looks at the validation images are counted from 1.")
    return (1.0 - confidence) / 2.0 / (look * (look + 1.0))


def calibrate(
    validation: Validation,
    tally: Tally,
    policy: Policy,
    look: int,
    found_yes: int = 0,
    decay: float | None = None,
) -> Calibration:
    """Choose the cuts of one model.

    Where the two sides overlap (``lower > upper``) the model is good enough to decide everything, and both cuts become
    the one threshold of that stretch that is nearest to 0.5.

    Args:
        validation: the validation images that people answered.
        tally: the rest of the pool, counted over ``validation.thresholds``.
        policy: targets and confidence.
        look: how often validation answers were used to choose cuts in this category, this time included.
        found_yes: yes images that people decided and that neither the validation nor the tally counts: imported gold,
            images chosen at random or blindly. They are not lost, so they count for the recall.
        decay: where the recall of strata may rest on the assumption of decay (see ``active_learning.cuts.stratified``),
            the floor of scores; without it nothing is assumed.

    Raises:
        InputError: a tally over other thresholds or fewer strata, or a look below 1.
    """
    risk = risk_of_look(policy.confidence, look)
    above, below, whole = sides(validation, tally)
    upper_side = UpperSide.of(validation, above, policy.precision, risk)
    recall_side = lower_side(validation, tally, below, whole, policy.recall, risk, found_yes, decay)
    passed = np.flatnonzero(upper_side.passed())
    upper, lower = (int(passed[-1]) if len(passed) else None), recall_side.highest()
    cuts = Cuts(
        lower=None if lower is None else float(tally.thresholds[lower]),
        upper=None if upper is None else float(upper_side.thresholds[upper]),
    )
    if cuts.lower is not None and cuts.upper is not None and cuts.lower > cuts.upper:
        upper, both = _nearest_to_half(upper_side.thresholds, passed, cuts.lower)
        lower = int(np.searchsorted(tally.thresholds, both))
        cuts = Cuts(lower=both, upper=both)
    next_risk = risk_of_look(policy.confidence, look + 1)
    more = [0]
    if upper is None and tally.rest.any():
        more.append(needed.for_precision(validation, upper_side, next_risk))
    if lower is None and tally.rest.any():
        more.append(needed.for_recall(validation, recall_side, policy.recall, next_risk))
    return Calibration(
        cuts=cuts,
        n=len(validation),
        positives=validation.positives,
        precision_bound=None if upper is None else upper_side.bound(upper),
        recall_bound=None if lower is None else recall_side.bound(lower),
        confidence=policy.confidence,
        look=look,
        risk=risk,
        needed=max(more),
    )


def _nearest_to_half(thresholds: Floats, passed: Integers, lower: float) -> tuple[int, float]:
    """Return the passed threshold up to ``lower`` that is nearest to 0.5: its position and itself."""
    shared = [int(i) for i in passed if thresholds[i] <= lower]
    position = min(shared, key=lambda i: abs(float(thresholds[i]) - 0.5))
    return position, float(thresholds[position])
