"""Selection: scores -> which candidates people should see next.

A strategy is a function ``(pool, k, rng) -> positions``. Adding one is one file and one line in ``STRATEGIES``
(and its name in ``active_learning.domain.policy.StrategyName``).
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError
from active_learning.domain.policy import StrategyName
from active_learning.selection.diversity import margin_diverse
from active_learning.selection.pool import Pool
from active_learning.selection.random_sample import random_sample
from active_learning.selection.uncertainty import margin

Strategy = Callable[[Pool, int, np.random.Generator], NDArray[np.int64]]

STRATEGIES: Mapping[StrategyName, Strategy] = {
    "random": random_sample,
    "margin": margin,
    "margin_diverse": margin_diverse,
}


def select(strategy: StrategyName, pool: Pool, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return at most ``k`` distinct positions of ``pool`` (all of them where it is smaller).

    The same pool, ``k`` and generator state give the same choice.

    Raises:
        InputError: no such strategy, or the strategy needs scores or features that the pool lacks.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"There is no strategy named {strategy!r}.", f"Use one of: {', '.join(STRATEGIES)}.")
    k = min(k, len(pool))
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    return STRATEGIES[strategy](pool, k, rng)


__all__ = ["STRATEGIES", "Pool", "Strategy", "select"]
