"""What a strategy is: a key for every image, and a choice among the images of smallest key.

The key of an image depends on its own row, on what is known and on the seed, never on the rest of the pool. So each
shard of a pool can return its own best, and the best of those are the best of the whole, for every strategy.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Known, Need, Pool, Positions
from active_learning.selection.smallest import Smallest


@dataclass(frozen=True)
class Ask:
    """What is asked of a strategy: ``k`` images, with this seed, given what is known."""

    k: int
    seed: int
    known: Known = field(default_factory=Known.nothing)


class Strategy(Protocol):
    """Chooses images in two steps, so that the first can be done shard by shard."""

    @property
    def needs(self) -> frozenset[Need]:
        """The columns of the pool that it reads."""

    def shortlist(self, pool: Pool, ask: Ask) -> Positions:
        """Return the rows that may be chosen. Of the union of shards' shortlists it is that of the whole pool."""

    def choose(self, pool: Pool, ask: Ask) -> Positions:
        """Return ``k`` distinct rows of a shortlist (all where it is smaller), whatever the order of its rows."""


Key = Callable[[Pool, slice, Ask], NDArray[np.floating]]
"""(pool, rows, ask) -> the keys of these rows; smaller is better. Ties fall by a hash of (seed, draw)."""

Among = Callable[[Pool, Ask], Positions]
"""(shortlist in order of its keys, ask) -> ``ask.k`` distinct rows of it; it holds more than ``ask.k``."""


@dataclass(frozen=True)
class Ranked:
    """The ``k`` images of smallest key; or, with ``among``, a choice among the ``width * k`` of smallest key."""

    needs: frozenset[Need]
    key: Key
    width: int = 1
    among: Among | None = None

    def shortlist(self, pool: Pool, ask: Ask) -> Positions:
        """Return the ``width * k`` rows of smallest key, smallest first. Linear in the pool; memory for the result.

        Only the columns that the key reads must be there: shards of ``k_center`` may leave their features at home, and
        the few that are left in the end get theirs before ``choose``.
        """
        smallest = Smallest(min(self.width * ask.k, len(pool)), lambda positions: pool.ties(positions, ask.seed))
        for rows in blocks(pool, self.needs):
            smallest.feed(self.key(pool, rows, ask))
        return smallest.positions()

    def choose(self, pool: Pool, ask: Ask) -> Positions:
        """Return the choice. The rows are first put in order of their keys, so their order in the pool is nothing."""
        if len(pool):  # one without rows may lack columns
            for name in sorted(self.needs):
                pool.need(name)
        rows = self.shortlist(pool, ask)
        if self.among is None or len(rows) <= ask.k:
            return rows[: ask.k]
        return rows[self.among(pool.take(rows), ask)]


MOST_ROWS = 1 << 15
MOST_NUMBERS = 1 << 17
"""A block of keys and of what they are made of stays in the second cache."""


def blocks(pool: Pool, needs: frozenset[Need]) -> Iterator[slice]:
    """Yield consecutive rows of the pool, so many at a time that their numbers stay in the processor's cache."""
    widths = [array.shape[1] for name in needs if (array := getattr(pool, name)) is not None and array.ndim == 2]
    step = min(MOST_ROWS, max(1024, MOST_NUMBERS // max([1, *widths])))
    for start in range(0, len(pool), step):
        yield slice(start, min(start + step, len(pool)))
