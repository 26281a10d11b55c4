"""Likeness of features: the images that are likest to one image, and the pairs that are nearly the same."""

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


def near_by_embedding(features: Features, radius: float, block: int = 4096) -> NDArray[np.int64]:
    """All pairs (i < j) of rows of ``features`` [N, D] at a cosine distance of at most ``radius``, sorted, as [M, 2].

    Exact, by blocks of matrix products: N²/2 of them, so for up to some hundred thousand images. A row of zeros is near
    nothing.
    """
    rows = np.asarray(features, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    found = [np.empty((0, 2), dtype=np.int64)]
    for top in range(0, len(rows), block):
        for left in range(top, len(rows), block):
            near = rows[top : top + block] @ rows[left : left + block].T >= 1 - radius
            one, other = np.nonzero(np.triu(near, 1) if left == top else near)
            found.append(np.stack([one + top, other + left], axis=1))
    every = np.concatenate(found)
    return every[np.lexsort((every[:, 1], every[:, 0]))]


def extras(pairs: NDArray[np.int64]) -> dict[int, int]:
    """Of near pairs (i < j) [M, 2], sorted: those to leave out, each with the one that it is near and that stays.

    Rows are gone through in order, and one stays unless it is near an earlier one that stays.
    """
    out: dict[int, int] = {}
    for one, other in sorted(map(tuple, pairs.tolist()), key=lambda pair: (pair[1], pair[0])):
        if one not in out and other not in out:
            out[other] = one
    return out
