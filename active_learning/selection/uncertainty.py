"""Uncertainty sampling: the images next to the model's own boundary.

For a yes/no question least confidence, margin and entropy are one strategy: all three fall with ``|p - 0.5|`` and order
the pool alike. The margin is the form to compute. In float32 the entropy has only a handful of distinct values near
p = 0.5, exactly where the choice is made, while ``p - 0.5`` is exact there (Sterbenz: no rounding for p in [1/4, 1]).
"""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Pool
from active_learning.selection.strategy import Ask, Ranked


def margins(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``|p - 0.5|`` [N]: 0 is undecided, 0.5 is certain."""
    margin: NDArray[np.float32] = np.subtract(scores, np.float32(0.5), dtype=np.float32)
    np.abs(margin, out=margin)
    return margin


def margin_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float32]:
    """Return the margins of these rows: the least certain first."""
    return margins(pool.need_scores()[rows])


MARGIN = Ranked(needs=frozenset({"scores"}), key=margin_key)
