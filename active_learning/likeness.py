"""Search by example: the images whose features point in the direction of one image's features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Nearest:
    """Images [K] and their cosines [K] to the example, the likest first."""

    images: tuple[str, ...]
    cosines: NDArray[np.float32]

    def merge(self, other: "Nearest", k: int) -> "Nearest":
        """The ``k`` likest of both. What is nearest in a pool is nearest among what is nearest in its parts."""
        images = np.array([*self.images, *other.images], dtype=object)
        cosines = np.concatenate([self.cosines, other.cosines])
        best = _best(cosines, images, k)
        return Nearest(tuple(images[best].tolist()), cosines[best])


NOTHING = Nearest((), np.empty(0, dtype=np.float32))


def nearest(images: list[str], features: Features, example: Features, k: int) -> Nearest:
    """The ``k`` of ``images`` [N] that are likest to ``example`` [D], by the cosine of their ``features`` [N, D].

    Exact: every image is compared. Equal cosines are in the order of ids. A vector of zeros is like nothing: 0.
    """
    if not images:
        return NOTHING
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(example)
    cosines = np.divide(features @ example, lengths, out=np.zeros(len(images), dtype=np.float32), where=lengths > 0)
    named: NDArray[Any] = np.array(images, dtype=object)
    best = _best(cosines, named, k)
    return Nearest(tuple(named[best].tolist()), cosines[best].astype(np.float32))


def _best(cosines: NDArray[np.float32], images: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Where the ``k`` largest are, the largest first."""
    if len(cosines) > k:
        least = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        rows = np.flatnonzero(cosines >= least)
    else:
        rows = np.arange(len(cosines))
    order = np.lexsort((images[rows].astype(str), -cosines[rows]))
    return rows[order][:k]
