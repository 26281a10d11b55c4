"""Squared distances from many points to few centres, a block at a time through matrix products."""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Positions

Rows = NDArray[np.float32]

BLOCK = 2048
"""Points at a time. With up to a few hundred centres the block's products stay in the second cache."""
CENTRES = 256
"""Centres at a time, for the same reason."""


class Points:
    """Rows [N, D] with their squares, moved to their mean so that the squares lose little to rounding.

    ``|x - c|^2 = |x|^2 + |c|^2 - 2 x.c`` in float32: its error is some 1e-6 of the squares. Holds one copy of the
    rows.
    """

    def __init__(self, rows: NDArray[np.floating]) -> None:
        self.origin = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.rows: Rows = np.subtract(rows, self.origin, dtype=np.float32)
        self.squares = squares(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def lower(self, nearest: Rows, centres: Rows, of: Positions | None = None) -> None:
        """Lower ``nearest`` [N] to the squared distance from the nearest of ``centres`` [C, D], in place.

        The centres lie in the moved coordinates. With ``of`` only these points are looked at.
        """
        if not len(centres):
            return
        lengths = squares(centres)
        for start in range(0, len(self) if of is None else len(of), BLOCK):
            at: slice | Positions = slice(start, start + BLOCK) if of is None else of[start : start + BLOCK]
            rows = self.rows[at]
            closest = np.full(len(rows), np.inf, dtype=np.float32)
            for first in range(0, len(centres), CENTRES):
                part = slice(first, first + CENTRES)
                products = rows @ (centres[part] * np.float32(-2.0)).T
                products += lengths[part]
                np.minimum(closest, products.min(axis=1), out=closest)
            closest += self.squares[at]
            nearest[at] = np.minimum(nearest[at], np.maximum(closest, 0.0))

    def closest(self, centres: Rows) -> Positions:
        """Return which of ``centres`` [C, D], in the moved coordinates, is the nearest of each point [N]."""
        lengths, turned = squares(centres), (centres * np.float32(-2.0)).T
        found = [
            (self.rows[start : start + BLOCK] @ turned + lengths).argmin(axis=1) for start in range(0, len(self), BLOCK)
        ]
        return np.concatenate(found)


def squares(rows: Rows) -> Rows:
    """Return the squared length of each row [N]."""
    return np.asarray(np.einsum("nd,nd->n", rows, rows))
