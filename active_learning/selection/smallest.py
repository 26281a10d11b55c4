"""The k smallest keys of a stream: exact, in memory for k rows and one block.

Almost every key of a long stream is above the k smallest seen so far, so a block costs one comparison with a running
limit that stays in the processor's cache; the few that pass are kept, and cut back to k when 2 k of them are held.
On average k ln(N / k) keys ever pass.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError
from active_learning.selection.pool import Positions

Ties = Callable[[Positions], NDArray[np.uint64]]


class Smallest:
    """Is fed keys in blocks; knows the positions of the ``k`` smallest (key, tie) pairs so far."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._seen = 0
        self._limit = np.inf
        self._limit_tie = np.iinfo(np.uint64).max
        self._blocks: list[tuple[NDArray[np.float64], NDArray[np.uint64], Positions]] = []
        self._held = 0

    def feed(self, keys: NDArray[np.floating], ties: Ties) -> None:
        """Take the keys [B] of the next B positions. ``ties(positions)`` is asked only about keys that may stay."""
        start = self._seen
        self._seen += len(keys)
        # The limit is one of the keys: it is exact in their own type. NaN never passes.
        passed = np.flatnonzero(keys <= keys.dtype.type(self._limit))
        if self._k <= 0 or not len(passed):
            return
        found = keys[passed].astype(np.float64)
        positions = passed + start
        decided = ties(positions)
        if self._limit < np.inf:
            stays = (found < self._limit) | (decided < self._limit_tie)
            found, decided, positions = found[stays], decided[stays], positions[stays]
        self._blocks.append((found, decided, positions))
        self._held += len(found)
        if self._held >= 2 * self._k:
            self._cut()

    def positions(self) -> Positions:
        """Return the positions of the k smallest (all where fewer were seen), smallest first.

        Raises:
            InputError: a key was not a number.
        """
        if not self._blocks:
            self._refuse_gaps(0)
            return np.empty(0, dtype=np.int64)
        self._cut()
        keys, ties, positions = self._blocks[0]
        self._refuse_gaps(len(keys))
        return positions[np.lexsort((ties, keys))]

    def _refuse_gaps(self, held: int) -> None:
        if held < min(self._k, self._seen):
            raise InputError("An image's features or scores are not numbers.", "Embed the images again.")

    def _cut(self) -> None:
        """Keep the k smallest of what is held: all below the k-th key, and of those equal to it the smallest ties."""
        keys, ties, positions = (np.concatenate(column) for column in zip(*self._blocks, strict=True))
        if len(keys) > self._k:
            limit = np.partition(keys, self._k - 1)[self._k - 1]
            stays = np.flatnonzero(keys < limit)
            tied = np.flatnonzero(keys == limit)
            room = self._k - len(stays)
            if len(tied) > room:
                tied = tied[np.argpartition(ties[tied], room - 1)[:room]]
            self._limit, self._limit_tie = float(limit), ties[tied].max()
            stays = np.concatenate([stays, tied])
            keys, ties, positions = keys[stays], ties[stays], positions[stays]
        self._blocks = [(keys, ties, positions)]
        self._held = len(keys)
