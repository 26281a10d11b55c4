"""Wrong answers of people: how many there may be, by the certainties of the consensus.

The consensus says of each validation answer how likely it is right. Wrong ones are taken for independent; their number
on one side of a threshold is then at most a Poisson variable of mean ``doubt`` (see ``active_learning.cuts.sides``).
This is a model, not a design: it holds as far as the certainties are calibrated. ``MARGIN`` allows for certainties that
are too high.
"""

import numpy as np
from scipy.stats import poisson

from active_learning.cuts.samples import Floats

MARGIN = 1.5
"""Wrong answers allowed for by one that the certainties speak of."""


def at_most(doubt: float | Floats, risk: float) -> Floats:
    """Return the numbers of wrong answers that are exceeded with a chance of at most ``risk``; 0 without doubt."""
    mean = MARGIN * np.asarray(doubt, dtype=np.float64)
    return np.asarray(np.where(mean > 0.0, np.maximum(poisson.isf(risk, np.maximum(mean, 1e-12)), 0.0), 0.0))


def weights(doubt: Floats, negligible: float) -> tuple[Floats, Floats]:
    """Return the chances of 0, 1, ... F wrong answers [F + 1, T] and of more, at most ``negligible`` [T]."""
    mean = MARGIN * doubt
    most = int(at_most(float(np.max(doubt, initial=0.0)), negligible))
    chances = poisson.pmf(np.arange(most + 1)[:, None], mean)
    return np.asarray(chances), np.asarray(poisson.sf(most, mean))
