"""Selection: exact top-k against one pass over the memory, k-center against scikit-activeml, BADGE's seeds against numpy.

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
PEER_PICKS = 30
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


def naive_k_center(rows: Rows, k: int) -> tuple[list[int], float]:
    """The greedy choice with all distances after every pick; its radius."""
    squares = np.einsum("nd,nd->n", rows, rows)
    chosen, near = [0], distances_to(rows, squares, 0)
    while len(chosen) < k:
        chosen.append(int(near.argmax()))
        np.minimum(near, distances_to(rows, squares, chosen[-1]), out=near)
    return chosen, radius(rows, chosen)


def naive_seeds(rows: Rows, k: int, rng: np.random.Generator) -> list[int]:
    """k-means++ with all distances after every seed."""
    squares = np.einsum("nd,nd->n", rows, rows)
    chosen, near = [0], distances_to(rows, squares, 0)
    while len(chosen) < k:
        ladder = np.cumsum(near, dtype=np.float64)
        chosen.append(int(np.searchsorted(ladder, rng.random() * ladder[-1], side="right")))
        np.minimum(near, distances_to(rows, squares, chosen[-1]), out=near)
    return chosen


def radius(rows: Rows, chosen: Sequence[int] | NDArray[np.int64]) -> float:
    """The largest distance of any row from a chosen one, in float64."""
    far = 0.0
    centres = rows[np.asarray(chosen)].astype(np.float64)
    lengths = np.einsum("cd,cd->c", centres, centres)
    for start in range(0, len(rows), 4096):
        part = rows[start : start + 4096].astype(np.float64)
        squares = np.einsum("nd,nd->n", part, part)[:, None] + lengths - 2.0 * (part @ centres.T)
        far = max(far, float(squares.min(axis=1).max()))
    return float(np.sqrt(max(far, 0.0)))


def potential(rows: Rows, chosen: Sequence[int] | NDArray[np.int64]) -> float:
    """The mean squared distance from the nearest chosen row: what k-means++ makes small."""
    squares = np.einsum("nd,nd->n", rows, rows)
    near = distances_to(rows, squares, int(chosen[0]))
    for row in chosen[1:]:
        np.minimum(near, distances_to(rows, squares, int(row)), out=near)
    return float(near.mean(dtype=np.float64))


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
    naive, naive_radius = naive_k_center(rows, K)
    chosen = farthest_first(rows, K, rows[:0])
    error = abs(radius(rows, chosen) / naive_radius - 1)
    assert error <= 1e-5, f"The radius differs from the naive greedy's by {error:.1e}."
    runs = timed(lambda: farthest_first(rows, K, rows[:0]), 5)
    ours = min(runs)
    plain = min(timed(lambda: naive_k_center(rows, K), 2))
    peers = {"scikit-activeml CoreSet, scaled": (peers_k_center(rows), 80.0), "numpy, one product a pick": (plain, 2.0)}
    same = np.mean(chosen == np.array(naive))
    return [
        Row(
            name=f"select: k-center, {name}, against {peer.split(',')[0]}",
            what=f"{ROWS:,} x {WIDTH}, k = {K:,} in {ours:.0f} ms; radius within {error:.0e}, {same:.0%} the same picks",
            unit="times as fast",
            ours=round(spent / ours, 1),
            peer={"name": peer, "value": 1.0, "ms": round(spent, 1)},
            goal=goal,
            runs=[round(spent / run, 1) for run in runs],
        )
        for peer, (spent, goal) in peers.items()
    ]


def seeds(name: str, rows: Rows) -> Row:
    """BADGE's seeding next to plain numpy's, after the two came to the same potential."""
    pairs = [
        (potential(rows, plus_plus(rows, K, generator(seed))), potential(rows, naive_seeds(rows, K, generator(seed))))
        for seed in range(2)
    ]
    ours, theirs = np.mean(pairs, axis=0)
    assert abs(ours / theirs - 1) < 0.03, f"The potential is {ours:.4f}; the naive seeding's is {theirs:.4f}."
    runs = timed(lambda: plus_plus(rows, K, generator(9)), 5)
    naive = min(timed(lambda: naive_seeds(rows, K, generator(9)), 3))
    return Row(
        name=f"select: BADGE seeds, {name}",
        what=f"{ROWS:,} x {WIDTH}, k = {K:,} in {min(runs):.0f} ms; mean potential {ours:.4f}, naive {theirs:.4f}",
        unit="times as fast",
        ours=round(naive / min(runs), 1),
        peer={"name": "numpy, one product a seed", "value": 1.0, "ms": round(naive, 1)},
        goal=2.0,
        runs=[round(naive / run, 1) for run in runs],
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
