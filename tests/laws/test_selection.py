"""Laws of selection: the fast choices are the slow ones, and the bandwidth study's order of confidence holds."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, chi2_contingency
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from active_learning.selection import Pool, seeding, select
from active_learning.selection.confidence import confidence
from active_learning.selection.k_center import farthest_first

BATCHES = 6
BANDWIDTH = 0.3


def gaps(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    return np.asarray(((wide[:, None] - wide) ** 2).sum(axis=2))


def radius(rows: NDArray[np.float32], chosen: NDArray[np.int64]) -> float:
    return float(np.sqrt(gaps(rows)[chosen].min(axis=0).max()))


def clustered(rng: np.random.Generator) -> NDArray[np.float32]:
    centres = rng.normal(size=(15, 12)) * 3
    return (centres[rng.integers(0, 15, 800)] + rng.normal(size=(800, 12))).astype(np.float32)


def even(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal(size=(800, 12)).astype(np.float32)


def far_off(rng: np.random.Generator) -> NDArray[np.float32]:
    """Small distances far from the origin, where squares lose most to rounding."""
    return (1000 + rng.normal(size=(800, 12))).astype(np.float32)


@pytest.mark.parametrize("world", [clustered, even, far_off])
@pytest.mark.parametrize("seed", range(2))
def test_k_center_has_the_radius_of_the_naive_greedy(world: Callable[..., NDArray[np.float32]], seed: int):
    rows = world(np.random.default_rng(seed))
    between = gaps(rows)
    naive, near = [0], between[0].copy()
    while len(naive) < 100:
        naive.append(int(near.argmax()))
        near = np.minimum(near, between[naive[-1]])
    chosen = farthest_first(rows, 100, rows[:0])
    assert radius(rows, chosen) == pytest.approx(radius(rows, np.array(naive)), rel=1e-5)


def test_two_seeds_have_the_probabilities_of_plus_plus():
    rows = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
    between = gaps(rows)
    first = between[0] / between[0].sum()
    expected = np.zeros((9, 9))
    for second in range(1, 9):
        left = np.minimum(between[0], between[second])
        expected[second] = first[second] * left / left.sum()
    draws, found = 5000, np.zeros((9, 9))
    rng = np.random.default_rng(2)
    for _ in range(draws):
        start, second, third = seeding.plus_plus(rows, 3, rng)
        assert start == 0
        found[second, third] += 1
    possible = expected > 0
    assert found[~possible].sum() == 0
    statistic = ((found - draws * expected)[possible] ** 2 / (draws * expected[possible])).sum()
    assert chi2.sf(statistic, possible.sum() - 1) > 0.01


def naive_plus_plus(between: NDArray[np.float64], k: int, rng: np.random.Generator) -> list[int]:
    chosen, near = [0], between[0]
    while len(chosen) < k:
        chosen.append(int(rng.choice(len(near), p=near / near.sum())))
        near = np.minimum(near, between[chosen[-1]])
    return chosen


def test_seeds_with_refreshed_distances_are_the_naive_ones_in_law(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seeding, "PROPOSALS", 2)  # distances are brought up to date every few seeds
    monkeypatch.setattr(seeding, "PATIENCE", -1.0)
    rows = (np.random.default_rng(3).normal(size=(12, 2)) * np.linspace(0.2, 2, 12)[:, None]).astype(np.float32)
    between, rng = gaps(rows), np.random.default_rng(4)
    found = np.zeros((2, 12))
    for _ in range(1500):
        found[0, seeding.plus_plus(rows, 7, rng)] += 1
        found[1, naive_plus_plus(between, 7, rng)] += 1
    assert chi2_contingency(found[:, 1:]).pvalue > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_an_easy_task_orders_the_samplers_by_confidence(seed: int):
    """As in the study: a first training, then batches of a stream, of which a share is sent back and learned."""
    digits = load_digits()
    features, answers = digits.data.astype(np.float32) / 16, digits.target < 5
    order = np.random.default_rng(seed).permutation(len(answers))
    means: dict[str, list[float]] = {"below_median": [], "random": [], "above_median": []}
    for strategy, found in means.items():
        known = order[:150]
        for turn, batch in enumerate(np.array_split(order[150:], BATCHES)):
            model = LogisticRegression(max_iter=300).fit(features[known], answers[known])
            scores = model.predict_proba(features[batch])[:, 1].astype(np.float32)
            pool = Pool([str(row) for row in batch], scores)
            chosen = select(strategy, pool, round(BANDWIDTH * len(batch)), turn)  # type: ignore[arg-type]
            found.append(float(confidence(scores[chosen]).mean()))
            known = np.concatenate([known, batch[chosen]])
    for below, chance, above in zip(*means.values(), strict=True):
        assert below < chance < above
