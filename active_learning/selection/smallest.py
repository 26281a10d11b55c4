"""The k smallest keys of a stream: exact, in memory for k rows and one block.

Almost every key of a long stream is above the k smallest seen so far, so a block costs one comparison with a running
limit while it is in the processor's cache; the few that pass are held, and cut back to k when 2 k of them are.
On average k ln(N / k) keys ever pass.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError
from active_learning.selection.pool import Positions


class Smallest:
    """Is fed keys in blocks; knows the positions of the ``k`` smallest so far.

    ``ties(positions)`` orders equal keys. It is asked only about those that a cut falls between, and at the end.
    """

    def __init__(self, k: int, ties: Callable[[Positions], NDArray[np.uint64]]) -> None:
        self._k = k
        self._ties = ties
        self._seen = 0
        self._limit = np.inf
        self._keys: list[NDArray[np.float64]] = []
        self._positions: list[Positions] = []
        self._held = 0

    def feed(self, keys: NDArray[np.floating]) -> None:
        """Take the keys [B] of the next B positions."""
        # The limit is one of the keys, so it is exact in their own type. NaN never passes.
        passed = (keys <= keys.dtype.type(self._limit)).nonzero()[0]
        if len(passed) and self._k > 0:
            self._keys.append(keys[passed].astype(np.float64))
            passed += self._seen
            self._positions.append(passed)
            self._held += len(passed)
            if self._held >= 2 * self._k:
                self._cut()
        self._seen += len(keys)

    def positions(self) -> Positions:
        """Return the positions of the k smallest (all where fewer were seen), smallest first.

        Raises:
            InputError: a key was not a number.
        """
        keys, positions = self._cut()
        if len(keys) < min(self._k, self._seen):
            raise InputError("An image's features or scores are not numbers.", "Embed the images again.")
        return positions[np.lexsort((self._ties(positions), keys))]

    def _cut(self) -> tuple[NDArray[np.float64], Positions]:
        """Keep the k smallest of what is held: all below the k-th key, and of those equal to it the smallest ties."""
        keys = np.concatenate([np.empty(0), *self._keys])
        positions = np.concatenate([np.empty(0, dtype=np.int64), *self._positions])
        if len(keys) > self._k:
            limit = np.partition(keys, self._k - 1)[self._k - 1]
            stays = (keys < limit).nonzero()[0]
            tied = (keys == limit).nonzero()[0]
            room = self._k - len(stays)
            if len(tied) > room:
                tied = tied[np.argpartition(self._ties(positions[tied]), room - 1)[:room]]
            stays = np.concatenate([stays, tied])
            keys, positions = keys[stays], positions[stays]
            self._limit = float(limit)
        self._keys, self._positions, self._held = [keys], [positions], len(keys)
        return keys, positions
