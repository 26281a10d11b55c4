"""k-means++ seeding (Arthur & Vassilvitskii 2007), exact in law and faster than one pass over the rows a seed.

Every next seed is drawn with probability proportional to its squared distance from the nearest seed so far. Distances
only fall as seeds are added, so the distances of some seeds ago are upper bounds: a row is proposed in proportion to
its old distance and accepted with probability (its distance now) / (its old distance), which is the law itself. Only
where too many proposals are refused are all distances brought up to date, in one matrix product with all new seeds.
"""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.distances import Points
from active_learning.selection.pool import Positions

PROPOSALS = 64
"""Proposals drawn at a time."""
PATIENCE = 1.0
"""Distances are brought up to date when the refusals since then are so many times the new seeds, and 64 more."""


def plus_plus(rows: NDArray[np.floating], k: int, rng: np.random.Generator) -> Positions:
    """Return ``k`` of the rows [S, D] as seeds, in the order drawn; ``k <= S``.

    The first row is the first seed. Where all rows are at distance 0 of a seed (duplicates), the rest is drawn evenly.
    """
    points = Points(rows)
    chosen = [0] if k else []
    upper = np.full(len(points), np.inf, dtype=np.float32)
    fresh = 0  # so many of the seeds are accounted for in ``upper``
    while len(chosen) < k:
        points.lower(upper, points.rows[chosen[fresh:]])
        fresh = len(chosen)
        upper[chosen] = 0.0
        ladder = np.cumsum(upper, dtype=np.float64)
        if not ladder[-1] > 0.0:
            left = np.setdiff1d(np.arange(len(points)), chosen)
            chosen += rng.permutation(left)[: k - len(chosen)].tolist()
            break
        _draw(points, upper, ladder, chosen, k, rng)
    return np.array(chosen, dtype=np.int64)


def _draw(
    points: Points,
    upper: NDArray[np.float32],
    ladder: NDArray[np.float64],
    chosen: list[int],
    k: int,
    rng: np.random.Generator,
) -> None:
    """Add seeds to ``chosen`` until there are ``k`` of them or too many proposals were refused."""
    fresh, refused = len(chosen), 0
    new = np.empty((k - fresh, points.rows.shape[1]), dtype=np.float32)
    while refused <= PATIENCE * (len(chosen) - fresh) + PROPOSALS:
        proposed = np.searchsorted(ladder, rng.random(PROPOSALS) * ladder[-1], side="right")
        for row, chance in zip(proposed.tolist(), rng.random(PROPOSALS).tolist(), strict=True):
            count = len(chosen) - fresh
            gaps = new[:count] - points.rows[row]
            now = float(np.einsum("cd,cd->c", gaps, gaps).min(initial=np.inf))
            if chance * float(upper[row]) < now:
                new[count] = points.rows[row]
                chosen.append(row)
                if len(chosen) == k:
                    return
            else:
                refused += 1
