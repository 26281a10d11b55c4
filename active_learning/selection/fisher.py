"""PFK: images like those that the model gets wrong (Gudovskiy, Hodgkinson, Yamaguchi & Tsukizawa 2020, 2003.00393).

Two images are alike where their features z and their loss gradients g are: a practical Fisher kernel. Both are
compared scale by scale (a block of columns is one scale of the network) by Pearson's correlation. The gradient of an
unlabeled image needs a label; it borrows that of the most similar image whose label is known. Anchors are known
images that the model gets wrong, thinned by greedy k-centers, and the images most like them are chosen in turn.

The first half of this file is that algorithm on any descriptors, as the authors' code has it (``sum``) and as their
slides do (``product``). The second half is Winnow's strategy.

The authors' anchors are validation images. Winnow's are not: the promise of a category rests on validation answers
that no choice has looked at, and a choice that looked would void it. Winnow's anchors are images that people decided
and the model, trained without their answer, gets wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Known, Need, Pool, Positions
from active_learning.selection.smallest import Smallest
from active_learning.selection.strategy import Ask, blocks

Rows = NDArray[np.float32]
Combine = Literal["sum", "product"]

ROUNDING = 1e-5
"""Of a kernel's scale, which is the length of its rows."""

EPSILON = 1e-10
DEEPEST = 32
"""So many of the images most like an anchor may be chosen for its sake."""


@dataclass(frozen=True)
class Descriptors:
    """Features z [N, L] and gradients g [N, L], normalised so that products of blocks are correlations."""

    features: Rows
    gradients: Rows
    edges: Sequence[int]

    @classmethod
    def of(cls, features: NDArray[np.floating], gradients: NDArray[np.floating], edges: Sequence[int]) -> "Descriptors":
        """Normalise raw descriptors; ``edges`` are the blocks' borders, from 0 to L."""
        return cls(normalised(features, edges), normalised(gradients, edges), edges)

    def take(self, rows: Positions) -> "Descriptors":
        """Return these rows."""
        return Descriptors(self.features[rows], self.gradients[rows], self.edges)

    def likeness(self, others: "Descriptors", combine: Combine) -> Rows:
        """Return the kernel [N, M] with other descriptors.

        With correlations r and block lengths L_j, ``sum`` is sum_j (L_j - 1) (r_z + r_g), and ``product`` is
        sum_j (L_j - 1)^2 r_z r_g: alike in both at the same scale.
        """
        if combine == "sum":
            return _plain(
                self.features @ others.features.T + self.gradients @ others.gradients.T, self.features.shape[1]
            )
        total = np.zeros((len(self.features), len(others.features)), dtype=np.float32)
        for start, end in pairwise(self.edges):
            part = slice(start, end)
            alike = self.features[:, part] @ others.features[:, part].T
            alike *= self.gradients[:, part] @ others.gradients[:, part].T
            total += alike
        return _plain(total, self.features.shape[1])


def _plain(likeness: Rows, width: int) -> Rows:
    """Likeness that is nothing but rounding is none: its sign would depend on how the rows lie in memory.

    It is common: where the gradient is the features turned round, sums are exactly 0.
    """
    likeness[np.abs(likeness) < ROUNDING * width] = 0.0
    return likeness


def normalised(rows: NDArray[np.floating], edges: Sequence[int]) -> Rows:
    """Return rows [N, L] with each block of each row at mean 0 and standard deviation 1 (over its length less one)."""
    result = np.empty(rows.shape, dtype=np.float32)
    for start, end in pairwise(edges):
        block = rows[:, start:end] - rows[:, start:end].mean(axis=1, keepdims=True)
        result[:, start:end] = block / (block.std(axis=1, ddof=1, keepdims=True) + EPSILON)
    return result


def nearest(features: Rows, known: Rows) -> Positions:
    """Return for each normalised row [N, L] the known one [M, L] of most similar features."""
    step = 2048
    found = [(features[start : start + step] @ known.T).argmax(axis=1) for start in range(0, len(features), step)]
    return np.concatenate([np.empty(0, dtype=np.int64), *found])


def k_centers(likeness: Rows, k: int, first: int) -> Positions:
    """Return ``k`` rows of a kernel matrix [M, M]: again and again the one whose greatest likeness to them is least."""
    chosen = [first]
    greatest = likeness[first].copy()
    while len(chosen) < min(k, len(likeness)):
        greatest[chosen[-1]] = np.inf
        chosen.append(int(greatest.argmin()))
        np.maximum(greatest, likeness[chosen[-1]], out=greatest)
    return np.array(chosen, dtype=np.int64)


def in_turn(likeness: Rows, k: int, deepest: int = DEEPEST) -> Positions:
    """Return at most ``k`` distinct rows of [N, A]: each anchor's most similar, then each one's second, and so on.

    Within a turn the most similar comes first. Each anchor has at most ``deepest`` turns. Ties fall by row and anchor.
    """
    turns = np.argsort(-likeness, axis=0, kind="stable")[:deepest]
    values = np.take_along_axis(likeness, turns, axis=0)
    order = np.take_along_axis(turns, np.argsort(-values, axis=1, kind="stable"), axis=1).ravel()
    _, first = np.unique(order, return_index=True)
    return np.asarray(order[np.sort(first)][:k], dtype=np.int64)


# Winnow's strategy


MOST_ANCHORS = 125
MOST_TEACHERS = 1_000
"""Known images that lend their label. More would cost a pass over the pool more than it tells."""


@dataclass(frozen=True)
class _Anchors:
    """What the known images say: the anchors, and the features and answers of those that lend their label."""

    wrong: Descriptors
    teachers: Rows
    answers: NDArray[np.bool_]

    @classmethod
    def of(cls, known: Known, k: int, combine: Combine) -> "_Anchors":
        """Choose at most ``k`` of the images that the model gets wrong, where there are none the least surely right.

        The most surprising one is the first of the k-centers.
        """
        scores = np.full(len(known), 0.5, dtype=np.float32) if known.scores is None else known.scores
        surprise = np.abs(scores - known.answers)
        order = np.argsort(-surprise, kind="stable")
        wrong = order[surprise[order] > 0.5]
        anchors = wrong[:MOST_TEACHERS] if len(wrong) else order[: min(k, MOST_ANCHORS)]
        described = _describe(known.features, scores, known.answers)
        if len(anchors) > min(k, MOST_ANCHORS):
            those = described.take(anchors)
            anchors = anchors[k_centers(those.likeness(those, combine), min(k, MOST_ANCHORS), 0)]
        # Evenly from the most to the least surprising: both kinds of answer, the easy and the hard.
        spaced = np.linspace(0, len(order) - 1, min(len(order), MOST_TEACHERS)).astype(np.int64)
        teachers = np.union1d(order[spaced], anchors)
        return cls(described.take(anchors), described.features[teachers], known.answers[teachers])

    def likeness(self, pool: Pool, rows: slice, combine: Combine) -> Rows:
        """Return the kernel [N, A] of these rows of the pool with the anchors."""
        features, scores = pool.need_features()[rows], pool.need_scores()[rows]
        labels = self.answers[nearest(normalised(features, _whole(features)), self.teachers)]
        return _describe(features, scores, labels).likeness(self.wrong, combine)


@dataclass(frozen=True)
class Fisher:
    """Images like those that the model gets wrong. Before anything is known, a simple random sample.

    The gradient is that of the loss in a last layer's weights, (p - y) z. Normalised, it says whether the model errs in
    the same direction on images that look alike; nothing but features and scores of the pool is read.
    """

    combine: Combine
    needs: frozenset[Need] = frozenset({"features", "scores"})

    def shortlist(self, pool: Pool, ask: Ask) -> Positions:
        """Return each anchor's most similar rows, and the ``k`` rows most similar to any: at most 32 * 125 + k."""
        k = min(ask.k, len(pool))
        if not k:
            return np.empty(0, dtype=np.int64)

        def ties(rows: Positions) -> NDArray[np.uint64]:
            return pool.ties(rows, ask.seed)

        any_anchor = Smallest(k, ties)
        if not len(ask.known):
            any_anchor.feed(np.zeros(len(pool), dtype=np.float32))
            return any_anchor.positions()
        anchors = _Anchors.of(ask.known, ask.k, self.combine)
        each = [Smallest(min(DEEPEST, len(pool)), ties) for _ in anchors.wrong.features]
        for rows in blocks(pool, self.needs):
            unlike = -anchors.likeness(pool, rows, self.combine)
            any_anchor.feed(unlike.min(axis=1))
            for smallest, keys in zip(each, unlike.T, strict=True):
                smallest.feed(keys)
        return np.unique(np.concatenate([smallest.positions() for smallest in (any_anchor, *each)]))

    def choose(self, pool: Pool, ask: Ask) -> Positions:
        """Return the anchors' most similar in turn; should they be too few, then the next ones, however deep."""
        rows = np.argsort(pool.ties(np.arange(len(pool)), ask.seed))
        if not len(ask.known) or len(pool) <= ask.k:
            return rows[: ask.k].astype(np.int64)
        anchors = _Anchors.of(ask.known, ask.k, self.combine)
        likeness = anchors.likeness(pool.take(rows), slice(None), self.combine)
        chosen = in_turn(likeness, ask.k)
        if len(chosen) < ask.k:
            chosen = in_turn(likeness, ask.k, deepest=len(pool))
        return rows[chosen].astype(np.int64)


def fisher(pool: Pool, k: int, seed: int, known: Known, combine: Combine) -> Positions:
    """Return ``k`` positions of the pool (all where it is smaller), images like the anchors first."""
    strategy, ask = Fisher(combine), Ask(max(0, k), seed, known)
    rows = strategy.shortlist(pool, ask)
    return rows[strategy.choose(pool.take(rows), ask)]


FISHER_SUM = Fisher("sum")
FISHER_PRODUCT = Fisher("product")


def _whole(features: Rows) -> Sequence[int]:
    return (0, features.shape[1])


def _describe(features: Rows, scores: Rows, answers: NDArray[np.bool_]) -> Descriptors:
    """Describe rows by their features and by (p - y) z, in one block."""
    return Descriptors.of(features, (scores - answers)[:, None] * features, _whole(features))
