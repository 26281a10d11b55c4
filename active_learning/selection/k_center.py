"""k-center greedy (Gonzalez 1985; "core-set", Sener & Savarese 2018): always the image farthest from all chosen ones.

The radius, the largest distance of any image from a chosen one, is at most twice the best possible. The greedy choice
is exact but lazy. Distances only fall as centres are added, so an old distance is an upper bound: only the images of
largest bound can be next. Those few are kept up to date after every pick; the others are looked at again, with all new
centres in one matrix product, when the farthest of the few is nearer than a bound outside, and only down to the bound
that no longer matters.
"""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.distances import Points
from active_learning.selection.pool import Pool, Positions
from active_learning.selection.random_sample import random_key
from active_learning.selection.strategy import Ask, Ranked

FEW = 2048
"""So many images are kept up to date after every pick."""
STEP = 4096
"""So many are looked at again at a time."""


def farthest_first(rows: NDArray[np.floating], k: int, start: NDArray[np.floating]) -> Positions:
    """Return ``k`` of the rows [S, D] in the order of the greedy choice; ``k <= S``.

    Centres that are there already are ``start`` [L, D]; where there are none the first row is the first centre. Where
    all rows are at distance 0 of a centre (duplicates), the rest follows in the order of the rows.
    """
    search = _Search(Points(rows))
    if len(start):
        search.add(np.asarray(start, dtype=np.float32) - search.points.origin)
    elif k:
        search.pick(0)
    while len(search.chosen) < k:
        search.pick_among_farthest(k)
    return np.array(search.chosen, dtype=np.int64)


class _Search:
    """The state of a greedy choice: upper bounds of the squared distances, and which centres each has seen."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self.chosen: list[int] = []
        self.bound = np.full(len(points), np.inf, dtype=np.float32)
        self._seen = np.zeros(len(points), dtype=np.int64)
        self._centres = np.empty((0, points.rows.shape[1]), dtype=np.float32)

    def add(self, centres: NDArray[np.float32]) -> None:
        """Add centres [C, D] in the moved coordinates."""
        self._centres = np.concatenate([self._centres, centres])

    def pick(self, row: int) -> None:
        """Choose a row; a chosen one is below every distance."""
        self.chosen.append(row)
        self.bound[row] = -1.0
        self.add(self.points.rows[row : row + 1])

    def pick_among_farthest(self, k: int) -> None:
        """Choose the farthest row, and on until ``k`` or until a row outside the few may be farther."""
        few, outside = self._farthest()
        rows, lengths, nearest = self.points.rows[few], self.points.squares[few], self.bound[few]
        new: list[int] = []
        while len(self.chosen) + len(new) < k:
            at = int(nearest.argmax())
            if nearest[at] < outside and new:
                break
            new.append(at)
            distance = rows @ (rows[at] * np.float32(-2.0))
            distance += lengths
            distance += lengths[at]
            np.maximum(distance, 0.0, out=distance)
            np.minimum(nearest, distance, out=nearest)
            nearest[at] = -1.0
        self.bound[few] = nearest
        self._seen[few] = len(self._centres) + len(new)
        self.chosen += few[new].tolist()
        self.add(rows[new])

    def _farthest(self) -> tuple[Positions, float]:
        """Return the few rows of largest distance, brought up to date, and a bound that no other row is above."""
        order = np.argsort(-self.bound, kind="stable")
        few = min(FEW, len(order))
        done = 0
        while done < len(order):
            stale = order[done : done + STEP]
            self._refresh(stale)
            done += len(stale)
            if done >= few and done < len(order):
                floor = np.partition(self.bound[order[:done]], done - few)[done - few]
                if floor >= self.bound[order[done]]:
                    break
        fresh = order[:done]
        ranked = fresh[np.argsort(-self.bound[fresh], kind="stable")]
        rest = [self.bound[ranked[few]]] if len(ranked) > few else []
        rest += [self.bound[order[done]]] if done < len(order) else []
        return ranked[:few], float(max(rest, default=-np.inf))

    def _refresh(self, rows: Positions) -> None:
        """Bring these rows up to date with the centres that they have not seen."""
        seen = self._seen[rows]
        for count in np.unique(seen).tolist():
            self.points.lower(self.bound, self._centres[count:], rows[seen == count])
        self._seen[rows] = len(self._centres)


def spread(pool: Pool, ask: Ask) -> Positions:
    """Return the greedy choice among the features, from the known images on or from a random one."""
    return farthest_first(pool.need_features(), ask.k, ask.known.features)


K_CENTER = Ranked(needs=frozenset({"features"}), key=random_key, width=100, among=spread)
"""Spreads over a simple random sample of the pool, 100 images for each one asked for."""
