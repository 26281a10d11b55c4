"""What a model's scores are worth: how they spread over a pool, and how often images of a score are really yes.

Scores are spread on the scale of log-odds, log(p / (1 - p)): cuts lie where p is near 0 or 1, and that is where this
scale is fine. Counts over its :data:`BINS` equal bins add up, so shards count on their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta

from active_learning.domain.errors import InputError

REACH = 8.0
"""The scale runs from -8 to 8: from a score of 0.03 % to one of 99.97 %. What lies beyond is in the last bin."""

BINS = 160
GROUPS = 10
"""Groups of about equally many images in which the share of yes is compared with the score."""

Floats = NDArray[np.float64]


def edges() -> Floats:
    """Return the edges of the bins in log-odds [BINS + 1]."""
    return np.linspace(-REACH, REACH, BINS + 1)


def spread(scores: NDArray[np.floating], weights: Floats | None = None) -> Floats:
    """Return how many of these scores [N], or how much of their weight, each bin holds [BINS].

    Raises:
        InputError: a score is not a number from 0 to 1.
    """
    if not np.all((scores >= 0) & (scores <= 1)):
        raise InputError("A score is not a number from 0 to 1.", "Train the model again; its training diverged.")
    odds = logit(np.asarray(scores, dtype=np.float64))
    places = np.clip((odds + REACH) * (BINS / (2.0 * REACH)), 0, BINS - 1).astype(np.int64)
    return np.bincount(places, weights, minlength=BINS).astype(np.float64)


@dataclass(frozen=True)
class Group:
    """Images of similar score: ``n`` of them, their mean score, and the share that is yes with its interval."""

    n: int
    score: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """Scores beside answers.

    Attributes:
        groups: from the lowest scores to the highest.
        error: expected calibration error: the mean distance between score and share of yes over the groups (Naeini,
            Cooper & Hauskrecht 2015), weighted like the images.
        brier: the mean squared distance between score and answer (Brier 1950).
    """

    groups: tuple[Group, ...]
    error: float
    brier: float


def reliability(
    scores: Sequence[float], answers: Sequence[bool], weights: Sequence[float], confidence: float = 0.9
) -> Reliability | None:
    """Compare scores [N] with answers [N]; ``None`` where there is no answer.

    Groups hold about equally many images: with equal widths most of them would be empty. Intervals are those of Clopper
    and Pearson; with unequal weights for Kish's effective number of images, which makes them approximate.

    Args:
        scores: P(yes) of images that the model has not learned from.
        answers: what people say.
        weights: for how many images of the pool each one stands; only their ratios matter.
        confidence: of each interval alone.

    Raises:
        InputError: lengths differ, or a weight is not positive.
    """
    p, y, w = (np.asarray(values, dtype=np.float64) for values in (scores, answers, weights))
    if not p.shape == y.shape == w.shape or np.any(w <= 0):
        raise InputError("Scores, answers and weights do not belong together.", "Give one of each for every image.")
    if not len(p):
        return None
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(GROUPS, ceil(len(p) / GROUPS)))
    groups = tuple(_group(p[part], y[part], w[part], confidence) for part in parts)
    shares = np.array([w[part].sum() for part in parts]) / w.sum()
    distances = np.array([abs(group.score - group.share) for group in groups])
    return Reliability(groups, float(shares @ distances), float(np.average((p - y) ** 2, weights=w)))


def _group(p: Floats, y: Floats, w: Floats, confidence: float) -> Group:
    share = float(np.average(y, weights=w))
    effective = float(w.sum() ** 2 / (w**2).sum())
    yes, tail = share * effective, (1.0 - confidence) / 2.0
    # The ends of Clopper and Pearson are quantiles of Beta, which knows fractions of images.
    low = float(beta.ppf(tail, yes, effective - yes + 1.0)) if y.any() else 0.0
    high = 1.0 if y.all() else float(beta.isf(tail, yes + 1.0, effective - yes))
    return Group(len(p), float(np.average(p, weights=w)), share, low, high)


def scores_at_edges() -> Floats:
    """Return the edges of the bins as scores [BINS + 1], for those who read scores and not log-odds."""
    return np.asarray(expit(edges()), dtype=np.float64)
