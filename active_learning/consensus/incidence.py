"""Votes as sparse matrices in an order that does not depend on names.

Floating-point sums depend on their order in the last digits, and an iterative fit can make much of the last digits.
So images and annotators are put in an order made from the votes alone: colour refinement (Weisfeiler & Leman 1968) on
the bipartite graph of images and annotators, with wrapping integer sums, which are exact in any order. Whoever still
has the same colour as somebody else gave the same votes to the same kind of images, and may change places with them.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

LONG = 16
"""Votes on an image from which products are made as sums of logarithms, so that they stay within bounds."""

LARGEST = 690.0
"""Largest logarithm of such a product."""

ROUNDS = 3
"""Rounds of refinement: neighbours of neighbours of neighbours tell almost every real annotator from every other."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Incidence:
    """N images, A annotators, K classes. A *cell* is an annotator's saying of a class: annotator * K + class.

    - ``said`` [N, A K]: a one for every vote. ``given`` is its transpose, by the same arrays: reading images in turn
      and adding to few cells is faster than gathering.
    - ``image_order`` [N], ``annotator_order`` [A]: which of the votes' images and annotators a row is. Images with
      fewer votes come first.
    - ``spoken`` [A, K]: how often each said what.
    - ``blocks``: for each number d of votes below ``LONG``, the cells [d, images] of the images that have so many.
      ``long``: the rows of ``said`` of the rest, None where there is none.
    """

    said: Any
    given: Any
    image_order: NDArray[np.int64]
    annotator_order: NDArray[np.int64]
    spoken: Floats
    blocks: tuple[NDArray[np.intp], ...]
    long: Any

    @classmethod
    def build(
        cls,
        image: NDArray[np.int32],
        annotator: NDArray[np.int32],
        value: NDArray[np.int16],
        shape: tuple[int, int, int],
    ) -> Self:
        """Build from V votes sorted by image; ``shape`` is (N, A, K)."""
        n, a, k = shape
        image_order, annotator_order = _orders(image, annotator, value, shape)
        row = np.empty(n, dtype=np.int32)
        row[image_order] = np.arange(n, dtype=np.int32)
        person = np.empty(a, dtype=np.int32)
        person[annotator_order] = np.arange(a, dtype=np.int32)
        cell = person[annotator] * np.int32(k) + value
        said = sparse.csr_array((np.ones(len(image)), (row[image], cell)), shape=(n, a * k))
        spoken = np.bincount(cell, minlength=a * k).reshape(a, k).astype(np.float64)
        ends = np.searchsorted(np.diff(said.indptr), np.arange(LONG), side="right")
        blocks = tuple(
            np.ascontiguousarray(said.indices[said.indptr[start] : said.indptr[end]].reshape(-1, d).T, dtype=np.intp)
            for d, (start, end) in enumerate(pairwise(ends), 1)
        )
        long = said[ends[-1] :] if ends[-1] < n else None
        return cls(said, said.T, image_order, annotator_order, spoken, blocks, long)

    @property
    def classes(self) -> int:
        """K."""
        return int(self.spoken.shape[1])

    @cached_property
    def _row(self) -> NDArray[np.int64]:
        return np.asarray(np.argsort(self.image_order))

    @cached_property
    def _person(self) -> NDArray[np.int64]:
        return np.asarray(np.argsort(self.annotator_order))

    def rows(self, image: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the matrices by numbers of images; numbers beyond the matrices stay as they are."""
        return np.where(image < len(self._row), self._row[image.clip(0, len(self._row) - 1)], image)

    def people(self, annotator: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same for annotators."""
        return np.where(
            annotator < len(self._person), self._person[annotator.clip(0, len(self._person) - 1)], annotator
        )

    def over_votes(self, weights: Floats) -> Floats:
        """Sum ``weights`` [cells, columns] over the votes of every image: [images, columns]."""
        return _times(self.said, weights)

    def products(self, ratios: Floats) -> Floats:
        """Multiply ``ratios`` [cells] over the votes of every image: [images]. Far faster than logarithms and back."""
        result = np.ones(self.said.shape[0])
        at = int(np.searchsorted(self.said.indptr, 0, side="right")) - 1
        for block in self.blocks:
            if not block.size:
                continue
            here = result[at : at + block.shape[1]]
            for cells in block:
                here *= ratios[cells]
            at += block.shape[1]
        if self.long is not None:
            result[at:] = np.exp((self.long @ np.log(ratios)).clip(-LARGEST, LARGEST))
        return result

    def over_images(self, values: Floats) -> Floats:
        """Sum ``values`` [images, columns] over the images where a cell was said: [cells, columns]."""
        return _times(self.given, values)

    def unsort_images(self, values: Floats) -> Floats:
        """Put rows of images back into the order of the votes' names."""
        back = np.empty_like(values)
        back[self.image_order] = values
        return back

    def unsort_annotators(self, values: Floats) -> Floats:
        """Put rows of annotators back into the order of the votes' names."""
        back = np.empty_like(values)
        back[self.annotator_order] = values
        return back


def _times(matrix: Any, dense: Floats) -> Floats:
    # One column is the usual case (yes against no), and a product with a vector is faster than with a matrix.
    if dense.shape[1] == 1:
        return np.asarray(matrix @ dense[:, 0])[:, None]
    return np.asarray(matrix @ dense)


def _orders(
    image: NDArray[np.int32], annotator: NDArray[np.int32], value: NDArray[np.int16], shape: tuple[int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n, a, _ = shape
    said = _mixed(value.astype(np.uint64) + np.uint64(1))
    by_annotator = np.argsort(annotator)
    ends_i = np.cumsum(np.bincount(image, minlength=n))
    ends_a = np.cumsum(np.bincount(annotator, minlength=a))
    images = np.zeros(n, dtype=np.uint64)
    for _ in range(ROUNDS):
        people = _segment_sums(_mixed(images[image] + said)[by_annotator], ends_a)
        images = _segment_sums(_mixed(people[annotator] ^ said), ends_i)
    people = _segment_sums(_mixed(images[image] + said)[by_annotator], ends_a)
    return np.lexsort([images, np.diff(ends_i, prepend=0)]), np.argsort(people, kind="stable")


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers (the finaliser of splitmix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def _segment_sums(values: NDArray[np.uint64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Sums, modulo 2^64, of consecutive stretches that end at ``ends``; the stretches may be empty."""
    running = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    return np.asarray(np.diff(running[np.concatenate([[0], ends])]))
