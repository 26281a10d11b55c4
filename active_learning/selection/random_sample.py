"""Simple random sampling: LSUN's own choice, and the only one before there is a model."""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Pool


def random_sample(pool: Pool, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``k`` positions of the pool, every set of ``k`` equally likely."""
    return rng.choice(len(pool), size=k, replace=False).astype(np.int64)
