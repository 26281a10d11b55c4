"""Plain active learning with clean labels: how far a strategy's labels go, next to labels of a random sample.

One against the rest, average precision on images that are never labeled. The head is fast and the same for all: a
kernel machine (Nystroem map of the features, squared hinge, Newton), so that many curves fit into minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning import selection
from active_learning.campaign.measures import average_precision
from active_learning.domain.policy import StrategyName

CENTRES = 1_024
RIDGE = 3e-3
STEPS = 12
START = 400

F32 = NDArray[np.float32]


def nystroem(features: F32, seed: int, centres: int = CENTRES) -> F32:
    """Coordinates [N, centres] in which a linear function is a Gaussian-kernel function of the features [N, D]."""
    rng = np.random.default_rng(seed)
    chosen = features[rng.choice(len(features), size=min(centres, len(features)), replace=False)]
    width = float(np.mean(_squared(chosen, chosen))) / 2
    gram = np.exp(-_squared(chosen, chosen).astype(np.float64) / width)
    values, vectors = np.linalg.eigh(gram + 1e-6 * np.eye(len(gram)))
    root = ((vectors / np.sqrt(values)) @ vectors.T).astype(np.float32)
    mapped = np.empty((len(features), len(chosen)), dtype=np.float32)
    for start in range(0, len(features), 4_096):
        rows = slice(start, start + 4_096)
        mapped[rows] = np.exp(-_squared(features[rows], chosen) / np.float32(width)) @ root
    return mapped


def _squared(a: F32, b: F32) -> F32:
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)
    return np.asarray(np.maximum(squares, 0), dtype=np.float32)


def fit(mapped: F32, answers: NDArray[np.bool_], start: F32 | None = None) -> F32:
    """Weights [C + 1] of the machine: ridge-penalised squared hinge by Newton's method, the bias last."""
    rows = np.hstack([mapped, np.ones((len(mapped), 1), dtype=np.float32)])
    signs = np.where(answers, 1, -1).astype(np.float32)
    penalty = np.full(rows.shape[1], RIDGE * np.sqrt(len(rows)), dtype=np.float32)
    penalty[-1] = 1e-4
    weights = np.zeros(rows.shape[1], dtype=np.float32) if start is None else start
    for _ in range(STEPS):
        active = signs * (rows @ weights) < 1
        inside = rows[active]
        hessian = inside.T @ inside
        hessian[np.diag_indices_from(hessian)] += penalty
        updated = np.linalg.solve(hessian, inside.T @ signs[active]).astype(np.float32)
        step, weights = float(np.abs(updated - weights).max()), updated
        if step < 1e-3 * float(np.abs(weights).max()):
            break
    return weights


@dataclass(frozen=True)
class Task:
    """One question: the pool's mapped features [N, C], plain features [N, D] and answers [N], and the test half's."""

    mapped: F32
    features: F32
    answers: NDArray[np.bool_]
    test: F32
    test_answers: NDArray[np.bool_]

    def judge(self, labeled: NDArray[np.int64]) -> tuple[F32, float]:
        """The machine of these labels, and its average precision on the test half."""
        weights = fit(self.mapped[labeled], self.answers[labeled])
        return weights, average_precision(_scores(self.test, weights), self.test_answers)


def _scores(mapped: F32, weights: F32) -> NDArray[np.float64]:
    return (mapped @ weights[:-1] + weights[-1]).astype(np.float64)


def random_curve(task: Task, sizes: Sequence[int], seed: int) -> list[float]:
    """Average precision with the first ``n`` of a random order labeled, for every n."""
    order = np.random.default_rng(seed).permutation(len(task.answers))
    return [task.judge(order[:size])[1] for size in sizes]


def active_curve(task: Task, strategy: StrategyName, sizes: Sequence[int], seed: int) -> list[float]:
    """Average precision after each size, the first 400 at random, the rest chosen by the strategy, size by size."""
    order = np.random.default_rng(seed).permutation(len(task.answers))
    draws = np.random.default_rng(seed).random(len(task.answers))
    labeled, found = order[: min(START, sizes[0])], []
    for size in sizes:
        if size > len(labeled):
            weights, _ = task.judge(labeled)
            free = np.setdiff1d(np.arange(len(task.answers)), labeled)
            scores = 1 / (1 + np.exp(-2 * _scores(task.mapped[free], weights).clip(-15, 15)))
            pool = selection.Pool(
                [str(place) for place in free.tolist()],
                scores.astype(np.float32),
                task.features[free],
                draws=draws[free],
            )
            labeled = np.concatenate([labeled, free[selection.select(strategy, pool, size - len(labeled), seed)]])
        found.append(task.judge(labeled)[1])
    return found
