"""Selection: top-k against one pass over the memory, k-center against scikit-activeml, BADGE's seeds against numpy.

Every reference's answer is checked first. Figures are the least of several runs of wall time, so run it alone.
"""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError
from active_learning.selection import Ask, Pool
from active_learning.selection.k_center import farthest_first
from active_learning.selection.seeding import plus_plus
from active_learning.selection.uncertainty import MARGIN
from tests.bench.result import Benchmark, Row

try:
    from skactiveml.pool import CoreSet
except ImportError:
    CoreSet = None

SCORES = 10_000_000
K = 1000
ROWS, WIDTH = 100_000, 128
PEER_PICKS = 20
"""scikit-activeml's time grows linearly with the picks: so many are measured and scaled to K."""

Rows = NDArray[np.float32]


def timed(work: Callable[[], Any], runs: int) -> list[float]:
    """Milliseconds of wall time, each run by itself."""
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1e3)
    return found


def clustered() -> Rows:
    """Embeddings in 200 groups of several widths, as features of images are."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, WIDTH))
    spread = rng.normal(size=(ROWS, WIDTH)) * rng.gamma(2, 0.25, (ROWS, 1))
    return np.asarray(centres[rng.integers(0, 200, ROWS)] + spread, dtype=np.float32)


def even() -> Rows:
    """Embeddings without groups: the hardest case for a lazy choice."""
    return np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)


def distances_to(rows: Rows, squares: Rows, row: int) -> Rows:
    """Squared distances of all rows from one, as plain numpy does it best: one matrix-vector product."""
    found = rows @ (rows[row] * np.float32(-2.0))
    found += squares
    found += squares[row]
    return np.maximum(found, 0.0, out=found)


def naive_k_center(rows: Rows, k: int) -> list[int]:
    """The greedy choice with all distances after every pick."""
    squares = np.einsum("nd,nd->n", rows, rows)
    chosen, near = [0], distances_to(rows, squares, 0)
    while len(chosen) < k:
        chosen.append(int(near.argmax()))
        np.minimum(near, distances_to(rows, squares, chosen[-1]), out=near)
    return chosen


def naive_seeds(rows: Rows, k: int, rng: np.random.Generator) -> list[int]:
    """k-means++ with all distances after every seed."""
    squares = np.einsum("nd,nd->n", rows, rows)
    chosen, near = [0], distances_to(rows, squares, 0)
    while len(chosen) < k:
        ladder = np.cumsum(near, dtype=np.float64)
        chosen.append(int(np.searchsorted(ladder, rng.random() * ladder[-1], side="right")))
        np.minimum(near, distances_to(rows, squares, chosen[-1]), out=near)
    return chosen


def nearest(rows: Rows, chosen: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """The squared distance of each row from the nearest chosen one, in float64."""
    centres = rows[np.asarray(chosen)].astype(np.float64)
    lengths = np.einsum("cd,cd->c", centres, centres)
    found = []
    for start in range(0, len(rows), 4096):
        part = rows[start : start + 4096].astype(np.float64)
        squares = np.einsum("nd,nd->n", part, part)
        found.append(squares + (lengths - 2.0 * (part @ centres.T)).min(axis=1))
    return np.maximum(np.concatenate(found), 0.0)


def radius(rows: Rows, chosen: Sequence[int] | NDArray[np.int64]) -> float:
    """The largest distance of any row from a chosen one."""
    return float(np.sqrt(nearest(rows, chosen).max()))


def peers_k_center(rows: Rows) -> float:
    """Milliseconds that scikit-activeml's CoreSet needs for K picks, scaled from PEER_PICKS, the first one known."""
    answers = np.full(len(rows), np.nan)
    answers[0] = 0.0
    strategy = CoreSet(random_state=0)
    spent = timed(lambda: strategy.query(X=rows, y=answers, batch_size=PEER_PICKS), 1)
    return spent[0] * K / PEER_PICKS


def top_k() -> Row:
    """The least certain K of many scores, next to the fastest that numpy reads them: their maximum."""
    scores = np.random.default_rng(0).beta(0.3, 0.3, SCORES).astype(np.float32)
    pool = Pool(range(SCORES), scores, draws=np.random.default_rng(1).random(SCORES))  # type: ignore[arg-type]
    ask = Ask(K, seed=0)
    chosen = MARGIN.shortlist(pool, ask)
    margins = np.abs(scores.astype(np.float64) - 0.5)
    assert np.array_equal(margins[chosen], np.sort(margins)[:K])
    del margins
    tracemalloc.start()
    MARGIN.shortlist(pool, ask)
    extra = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    runs = timed(lambda: MARGIN.shortlist(pool, ask), 15)
    one_pass = min(timed(scores.max, 15))
    partition = min(timed(lambda: np.argpartition(np.abs(scores - np.float32(0.5)), K - 1)[:K], 5))
    return Row(
        name="select: top-k",
        what=f"exact top {K:,} of {SCORES:,} scores, {extra:.1f} MiB extra; numpy's argpartition: {partition:.1f} ms",
        unit="ms",
        ours=round(min(runs), 2),
        peer={"name": "one pass over the scores: numpy max", "value": round(one_pass, 2)},
        goal=6.0,
        runs=[round(value, 2) for value in runs],
        less=True,
    )


def k_center(name: str, rows: Rows) -> list[Row]:
    """The greedy choice next to scikit-activeml's and to plain numpy's, after its radius was compared."""
    naive: list[list[int]] = []
    plain = min(timed(lambda: naive.append(naive_k_center(rows, K)), 2))
    chosen = farthest_first(rows, K, rows[:0])
    error = abs(radius(rows, chosen) / radius(rows, naive[0]) - 1)
    assert error <= 1e-5, f"The radius differs from the naive greedy's by {error:.1e}."
    same = np.mean(chosen == np.array(naive[0]))
    runs = timed(lambda: farthest_first(rows, K, rows[:0]), 7)
    peers = {"scikit-activeml CoreSet, scaled": (peers_k_center(rows), 1 / 80), "numpy, one product a pick": (plain, 1)}
    return [
        Row(
            name=f"select: k-center, {name}",
            what=f"{ROWS:,} x {WIDTH}, k = {K:,}; radius within {error:.0e} of the naive, {same:.0%} the same picks",
            unit="ms",
            ours=round(min(runs), 1),
            peer={"name": peer, "value": round(spent, 1)},
            goal=goal,
            runs=[round(run, 1) for run in runs],
            less=True,
        )
        for peer, (spent, goal) in peers.items()
    ]


def seeds(name: str, rows: Rows) -> Row:
    """BADGE's seeding next to plain numpy's, after the two came to the same potential."""
    found: list[list[int]] = []
    naive = timed(lambda: found.append(naive_seeds(rows, K, generator(len(found)))), 3)
    theirs = float(np.mean([nearest(rows, chosen).mean() for chosen in found]))
    ours = float(np.mean([nearest(rows, plus_plus(rows, K, generator(seed))).mean() for seed in range(3)]))
    assert abs(ours / theirs - 1) < 0.02, f"The potential is {ours:.4f}; the naive seeding's is {theirs:.4f}."
    runs = timed(lambda: plus_plus(rows, K, generator(9)), 7)
    return Row(
        name=f"select: BADGE seeds, {name}",
        what=f"{ROWS:,} x {WIDTH}, k = {K:,}; mean squared distance {ours:.3f}, of the naive seeding {theirs:.3f}",
        unit="ms",
        ours=round(min(runs), 1),
        peer={"name": "numpy, one product a seed", "value": round(min(naive), 1)},
        goal=0.5,
        runs=[round(run, 1) for run in runs],
        less=True,
    )


def generator(seed: int) -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(seed)


def run() -> Benchmark:
    """Measure and compare."""
    if CoreSet is None:
        raise InputError("scikit-activeml is not installed.", "pip install -c constraints.txt -e .[bench]")
    worlds = {"clustered": clustered(), "even": even()}
    rows = [top_k()]
    rows += [row for name, features in worlds.items() for row in k_center(name, features)]
    rows += [seeds(name, features) for name, features in worlds.items()]
    return Benchmark(rows)
