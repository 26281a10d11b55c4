"""Simple random sampling: LSUN's own choice, and the only one before there is a model."""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Pool
from active_learning.selection.strategy import Ask, Ranked


def random_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float64]:
    """Return a hash of (seed, draw) in [0, 1) for each row: the k smallest are a simple random sample of the pool."""
    ties = pool.ties(np.arange(rows.start, rows.stop, dtype=np.int64), ask.seed)
    return (ties >> np.uint64(11)).astype(np.float64) * 2.0**-53


RANDOM = Ranked(needs=frozenset(), key=random_key)
