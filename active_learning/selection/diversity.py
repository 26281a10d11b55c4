"""Uncertain and unlike each other: k-means++ seeding inside a shortlist of uncertain images."""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Pool
from active_learning.selection.uncertainty import least_certain

SHORTLIST = 5
"""The shortlist holds so many times the images asked for. Wider would trade uncertainty away for spread."""


def margin_diverse(pool: Pool, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``k`` positions spread over the ``5 k`` least certain ones of the pool."""
    features = pool.need_features()
    shortlist = least_certain(pool.need_scores(), min(len(pool), SHORTLIST * k), rng)
    return shortlist[plus_plus(features[shortlist], k, rng)]


def plus_plus(features: NDArray[np.float32], k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose ``k`` of the rows [S, D] as k-means++ seeds (Arthur & Vassilvitskii 2007).

    The first row is the first seed (here: the least certain image); every next one is drawn with probability
    proportional to its squared distance from the nearest seed. Where all rows are at distance 0 of a seed (duplicates),
    the rest is drawn evenly. O(k S D) time, O(S) memory beside the features.
    """
    rows = features.astype(np.float64)
    squares = np.einsum("sd,sd->s", rows, rows)
    free = np.ones(len(rows), dtype=bool)
    nearest = np.full(len(rows), np.inf)
    chosen = np.empty(k, dtype=np.int64)
    pick = 0
    for turn in range(k):
        if turn:
            weights = np.where(free, nearest, 0.0)
            total = weights.sum()
            weights = weights / total if total > 0 else free / free.sum()
            pick = int(rng.choice(len(rows), p=weights))
        chosen[turn] = pick
        free[pick] = False
        distance = squares + squares[pick] - 2.0 * (rows @ rows[pick])
        # Rounding leaves a duplicate at a tiny positive distance; what is below the rounding error is the same image.
        distance[distance <= 1e-12 * (squares + squares[pick])] = 0.0
        np.minimum(nearest, distance, out=nearest)
    return chosen
