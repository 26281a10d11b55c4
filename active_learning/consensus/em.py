"""Expectation maximisation for annotators with error tables, and its acceleration.

All models of this family say: an annotator answers k on an image of class z with a probability that depends on the
annotator. They differ in how an annotator's table [k, z] follows from expected counts (``structures``). So one loop
fits them all. Its state is what the tables are made from: the expected counts of every cell, and of every group's
classes. That is small (annotators, not images), and linear in the images' posteriors.

Plain EM creeps. Anderson's acceleration (Anderson 1965; type II, see Walker & Ni 2011) combines the last few steps into
the one that leaves the least residual; where the residual grows it is forgotten and plain steps go on. It starts only
when EM has nearly settled, so that it ends at EM's own fixed point.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.special import expit

from active_learning.consensus.evidence import Problem
from active_learning.consensus.incidence import Floats
from active_learning.consensus.structures import Structure

PREVALENCE = 1.0
"""Pseudo-images of every class in the prior of each prevalence."""

WEIGHT = 7.0
"""Answers that steps of an annotator's counts are measured against, besides the annotator's own."""

TOLERANCE = 1e-10
"""Largest step of an accuracy or a prevalence at which a fit has settled."""

MAX_PASSES = 2_000
MEMORY = 6
"""Steps that the acceleration looks back."""

SETTLING = 0.02
"""Step of an accuracy below which acceleration starts."""


@dataclass(frozen=True)
class State:
    """Expected counts: ``cells`` [A K, K - 1] by true class but the first, ``totals`` [G, K - 1] of free images."""

    cells: Floats
    totals: Floats

    def flat(self) -> Floats:
        """All numbers in one row."""
        return np.concatenate([self.cells.ravel(), self.totals.ravel()])

    def like(self, flat: Floats) -> "State":
        """The opposite of :meth:`flat`."""
        cut = self.cells.size
        return State(flat[:cut].reshape(self.cells.shape), flat[cut:].reshape(self.totals.shape))


@dataclass(frozen=True)
class Model:
    """The parameters: ``tables`` [A, K said, K true] and ``shares`` [G, K] of the classes."""

    tables: Floats
    shares: Floats

    def weights(self, most: float = np.inf) -> Floats:
        """Log-likelihood ratios of every cell for every class against the first [A K, K - 1]."""
        logs = np.log(self.tables)
        ratios = logs[:, :, 1:] - logs[:, :, :1]
        return ratios.reshape(-1, ratios.shape[2]).clip(-most, most)

    def log_odds(self) -> Floats:
        """The classes' log-odds against the first [G, K - 1]."""
        logs = np.log(self.shares)
        return logs[:, 1:] - logs[:, :1]


class Sums(Protocol):
    """The votes, as sums over them: what :class:`~active_learning.consensus.incidence.Incidence` is to a fit."""

    @property
    def spoken(self) -> Floats:
        """How often each annotator said each class [A, K]."""
        ...

    @property
    def classes(self) -> int:
        """K."""
        ...

    def over_votes(self, weights: Floats) -> Floats:
        """Sum ``weights`` [cells, columns] over the votes of every image: [images, columns]."""
        ...

    def over_images(self, values: Floats) -> Floats:
        """Sum ``values`` [images, columns] over the images where a cell was said: [cells, columns]."""
        ...

    def products(self, ratios: Floats) -> Floats:
        """Multiply ``ratios`` [cells] over the votes of every image: [images]."""
        ...


@dataclass
class Fit:
    """A fit under way: what it rests on, and the posteriors ``q`` [N, K - 1] of all classes but the first."""

    incidence: Sums
    problem: Problem
    structure: Structure
    pseudo_images: float = PREVALENCE
    q: Floats = field(default_factory=lambda: np.zeros((0, 1)))
    passes: int = 0

    def __post_init__(self) -> None:
        sizes = self.problem.sizes()
        self.sizes = sizes
        measure = self.incidence.spoken.sum(axis=1) + WEIGHT
        k = self.incidence.classes
        cells = np.repeat(measure, k * (k - 1))
        self.measure = np.concatenate([cells, np.repeat(sizes + 2.0 * PREVALENCE, k - 1)])

    def start(self, table: Floats) -> State:
        """The state that vote shares make: ``table`` [N, K] counts the votes, pseudo-votes included."""
        total = table.sum(axis=1, keepdims=True)
        q = np.where(total > 0.0, table[:, 1:] / np.maximum(total, 1e-300), 1.0 / table.shape[1])
        self.problem.clamp(q)
        return self.counted(q)

    def counted(self, q: Floats) -> State:
        """The expected counts that posteriors ``q`` [N, K - 1] make."""
        return State(self.incidence.over_images(q), self.problem.totals(q))

    def counts(self, state: State) -> Floats:
        """Expected answers [A, K said, K true]."""
        k = self.incidence.classes
        counts = np.empty((*self.incidence.spoken.shape, k))
        counts[:, :, 1:] = state.cells.reshape(len(counts), k, k - 1)
        counts[:, :, 0] = (self.incidence.spoken - counts[:, :, 1:].sum(axis=2)).clip(0.0)
        return counts

    def model(self, state: State) -> Model:
        """The parameters that maximise the likelihood of the expected counts, prior included."""
        totals = np.column_stack([self.sizes - state.totals.sum(axis=1), state.totals]) + self.pseudo_images
        return Model(self.structure(self.counts(state)), totals / totals.sum(axis=1, keepdims=True))

    def posterior(self, model: Model, most: float = np.inf) -> Floats:
        """P(class) of every image, but of the first class [N, K - 1]."""
        weights, believed = model.weights(most), self.problem.believed(model.log_odds(), most)
        if weights.shape[1] == 1:
            odds = self.incidence.products(np.exp(weights[:, 0]))[:, None]
            odds *= np.exp(believed)
            q = odds + 1.0
            np.divide(odds, q, out=q)
        else:
            q = softmax(self.incidence.over_votes(weights) + believed)
        self.problem.clamp(q)
        return q

    def step(self, state: State) -> State:
        """One pass of EM."""
        self.passes += 1
        self.q = self.posterior(self.model(state))
        return self.counted(self.q)

    def settle(self, state: State, accelerate_below: float = SETTLING, tolerance: float = TOLERANCE) -> State:
        """Step until nothing moves any more."""
        memory = Memory(self.measure)
        x, started = state.flat(), False
        for _ in range(MAX_PASSES):
            fx = self.step(state.like(x)).flat()
            move = self.move(state.like(x), state.like(fx))
            if move < tolerance:
                return state.like(fx)
            started = started or move < accelerate_below
            x = self.possible(state.like(memory.next(x, fx))).flat() if started else fx
        return state.like(fx)

    def move(self, before: State, after: State) -> float:
        """The largest step of an accuracy or a prevalence."""
        return float(np.max(np.abs(after.flat() - before.flat()) / self.measure, initial=0.0))

    def possible(self, state: State) -> State:
        """The nearest counts that are not negative and not more than there are answers and images."""
        return State(_within(state.cells, self.incidence.spoken.ravel()), _within(state.totals, self.sizes))


def _within(counts: Floats, limits: Floats) -> Floats:
    counts = counts.clip(0.0)
    return np.asarray(counts * np.minimum(1.0, limits / np.maximum(counts.sum(axis=1), 1e-300))[:, None])


class Memory:
    """The last few steps of a fixed-point iteration, and the point that they suggest next."""

    def __init__(self, measure: Floats) -> None:
        self.scale = 1.0 / np.sqrt(measure)
        self.x: list[Floats] = []
        self.f: list[Floats] = []

    def next(self, x: Floats, fx: Floats) -> Floats:
        """The next point after ``x``, which one step turns into ``fx``."""
        f = fx - x
        if self.f and np.linalg.norm(f * self.scale) > 2.0 * np.linalg.norm(self.f[-1] * self.scale):
            self.x, self.f = [], []
            return fx
        self.x.append(x)
        self.f.append(f)
        if len(self.f) == 1:
            return fx
        self.x, self.f = self.x[-MEMORY:], self.f[-MEMORY:]
        dx = np.diff(np.stack(self.x), axis=0)
        df = np.diff(np.stack(self.f), axis=0)
        scaled = df * self.scale
        gram = scaled @ scaled.T
        gram[np.diag_indices(len(gram))] *= 1.0 + 1e-12
        share = np.linalg.lstsq(gram, scaled @ (f * self.scale), rcond=None)[0]
        return np.asarray(fx - share @ (dx + df))


def softmax(x: Floats) -> Floats:
    """Probabilities [N, K - 1] of all classes but the first from log-odds against the first."""
    if x.shape[1] == 1:
        return np.asarray(expit(x, out=x))
    most = x.max(axis=1, keepdims=True).clip(0.0)
    e = np.exp(x - most)
    return np.asarray(e / (np.exp(-most) + e.sum(axis=1, keepdims=True)))
