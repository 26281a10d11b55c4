"""Uncertainty sampling: the images next to the model's own boundary.

For a yes/no question least confidence, margin and entropy are one strategy: all three fall with ``|p - 0.5|`` and order
the pool alike. The margin is the form to compute. In float32 the entropy has only a handful of distinct values near
p = 0.5, exactly where the choice is made, while ``p - 0.5`` is exact there (Sterbenz: no rounding for p in [1/4, 1]).
"""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Pool


def margins(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``|p - 0.5|`` [N]: 0 is undecided, 0.5 is certain."""
    return np.asarray(np.abs(scores - np.float32(0.5)))


def least_certain(scores: NDArray[np.float32], k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the ``k`` positions of smallest margin, the least certain first; ties fall at random, never by order.

    Linear in the pool: the ``k``-th smallest margin splits it, and only what is below is sorted.
    """
    margin = margins(scores)
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(margin):
        limit = np.partition(margin, k - 1)[k - 1]
        below = np.flatnonzero(margin < limit)
        tied = rng.permutation(np.flatnonzero(margin == limit))[: k - len(below)]
        candidates = np.concatenate([below, tied])
    else:
        candidates = np.arange(len(margin))
    order = np.lexsort((rng.random(len(candidates)), margin[candidates]))
    return candidates[order].astype(np.int64)


def margin(pool: Pool, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the ``k`` least certain positions of the pool."""
    return least_certain(pool.need_scores(), k, rng)
