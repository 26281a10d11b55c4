"""Strategies that see groups: k-means clusters of the features, and the most typical image of each."""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection import quotas
from active_learning.selection.distances import Points, squares
from active_learning.selection.pool import Need, Pool, Positions
from active_learning.selection.random_sample import random_key
from active_learning.selection.seeding import plus_plus
from active_learning.selection.strategy import Ask, Ranked

TURNS = 20
"""Lloyd's steps at most: cluster membership hardly changes after them."""
MOST_CLUSTERS = 500
BALANCED_CLUSTERS = 50
SMALL = 5
"""A cluster of at most so many images is an accident; TypiClust leaves it out."""
NEIGHBOURS = 20


def cluster(rows: NDArray[np.float32], count: int, rng: np.random.Generator) -> Positions:
    """Return the cluster [S] of each of the rows [S, D]: k-means (Lloyd 1982) from k-means++ seeds, ``count <= S``.

    A cluster that loses all its rows keeps its centre.
    """
    points = Points(rows)
    centres = points.rows[plus_plus(rows, count, rng)]
    labels = points.closest(centres)
    for _ in range(TURNS):
        sizes = np.bincount(labels, minlength=count)
        order = np.argsort(labels, kind="stable")
        filled = np.flatnonzero(sizes)
        starts = (np.cumsum(sizes) - sizes)[filled]
        centres[filled] = np.add.reduceat(points.rows[order], starts) / sizes[filled, None].astype(np.float32)
        before, labels = labels, points.closest(centres)
        if np.array_equal(before, labels):
            break
    return labels


def equal_parts(pool: Pool, ask: Ask) -> Positions:
    """Return as many images of each of 50 clusters (of k where that is fewer) as their sizes allow, at random."""
    rng = np.random.default_rng(ask.seed)
    count = min(ask.k, BALANCED_CLUSTERS)
    labels = cluster(pool.need_features(), count, rng)
    shares = quotas.by_size(np.bincount(labels, minlength=count).tolist(), ask.k)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == i))[:share] for i, share in enumerate(shares)])


def most_typical(pool: Pool, ask: Ask) -> Positions:
    """Return TypiClust's choice (Hacohen et al. 2022): the most typical image of clusters that nobody has seen yet.

    Known images and the shortlist are clustered together, into as many clusters as there are known images and images
    asked for (500 at most). Clusters without known images come first, larger before smaller; one image is taken of
    each in turn, the one of smallest mean distance to its 20 nearest neighbours (half the cluster where that is fewer)
    among those of its cluster that are neither known nor taken.
    """
    rng = np.random.default_rng(ask.seed)
    features, known = pool.need_features(), ask.known.features
    rows = np.concatenate([features, known]) if len(known) else features
    count = min(len(known) + ask.k, MOST_CLUSTERS, len(rows))
    labels = cluster(rows, count, rng)
    seen = np.bincount(labels[len(features) :], minlength=count)
    free = np.bincount(labels[: len(features)], minlength=count)
    large = free + seen > SMALL
    order = np.lexsort((-(free + seen), seen, ~large))  # what is small comes last, and only where nothing else is left
    left = {group: _Typical(np.flatnonzero(labels[: len(features)] == group), features) for group in order.tolist()}
    chosen: list[int] = []
    while len(chosen) < ask.k:
        some = [group for group in order.tolist() if large[group] and left[group].rows]
        for group in some or [group for group in order.tolist() if left[group].rows]:
            if len(chosen) < ask.k:
                chosen.append(left[group].pop())
    return np.array(chosen, dtype=np.int64)


class _Typical:
    """The rows of one cluster, from which the most typical is taken again and again."""

    def __init__(self, rows: Positions, features: NDArray[np.float32]) -> None:
        self.rows = rows.tolist()
        self._features = features

    def pop(self) -> int:
        """Take out the row of highest typicality among those left; the first of equal ones."""
        near = min(NEIGHBOURS, len(self.rows) // 2)
        at = int(np.argmin(mean_distance(self._features[self.rows], near))) if near else 0
        return int(self.rows.pop(at))


def mean_distance(rows: NDArray[np.float32], near: int) -> NDArray[np.float64]:
    """Return the mean distance [S] of each of the rows [S, D] to its ``near`` nearest others (1 / typicality)."""
    centred = rows - rows.mean(axis=0)
    lengths = squares(centred)
    means = np.empty(len(rows))
    for start in range(0, len(rows), 1024):
        part = slice(start, start + 1024)
        gaps = lengths[part, None] + lengths - 2.0 * (centred[part] @ centred.T)
        gaps[np.arange(len(gaps)), np.arange(start, start + len(gaps))] = 0.0  # itself: the nearest of all
        nearest = np.partition(gaps, near, axis=1)[:, : near + 1]
        means[part] = np.sqrt(np.maximum(nearest, 0.0)).sum(axis=1, dtype=np.float64) / near
    return means


FEATURES: frozenset[Need] = frozenset({"features"})
CLUSTER_BALANCED = Ranked(needs=FEATURES, key=random_key, width=50, among=equal_parts)
TYPICAL = Ranked(needs=FEATURES, key=random_key, width=50, among=most_typical)
"""Both see a simple random sample of the pool, 50 images for each one asked for."""
