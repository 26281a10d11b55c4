"""More answers onto a fit: what changes is counted, and a few passes settle it where a fit from the start would end.

An answer touches its image and its annotator directly and, through the error models, a little of everything. So the new
answers are kept beside the sparse matrices of the old ones (which are not built again), the expected counts go on from
where they were, and a few passes settle them, most of them over annotators alone (:mod:`response`).

Few votes are fitted from the start instead. That takes milliseconds, and there the likelihood may have more than one
maximum, of which a warm start could keep the wrong one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus.em import Fit, State
from active_learning.consensus.evidence import NOTHING, Evidence, Problem
from active_learning.consensus.incidence import Floats, Incidence
from active_learning.consensus.methods import first_state
from active_learning.consensus.response import Response
from active_learning.consensus.structures import two_coin
from active_learning.consensus.votes import Votes

FEW = 20_000
"""Votes up to which every change is fitted from the start."""

TOLERANCE = 5e-8
"""Way of an accuracy to where it settles at which a warm start ends, there; a tenth of that way may be wrong."""

BESIDE = 0.05
"""Share of the votes that may lie beside the matrices before these are built anew."""

NEAR = np.inf
"""A warm start accelerates from its first step: it is near where it will end."""


@dataclass(frozen=True)
class Grown:
    """An incidence with votes beside it: ``row`` and ``cell`` [extra]; N images and ``spoken`` [A, K] in all."""

    base: Incidence
    row: NDArray[np.int64]
    cell: NDArray[np.int64]
    images: int
    spoken: Floats

    @property
    def classes(self) -> int:
        """K."""
        return self.base.classes

    def over_votes(self, weights: Floats) -> Floats:
        """Sum ``weights`` [cells, columns] over the votes of every image: [images, columns]."""
        old = self.base.over_votes(weights[: self.base.spoken.size])
        sums = old if len(old) == self.images else np.zeros((self.images, weights.shape[1]))
        sums[: len(old)] = old
        np.add.at(sums, self.row, weights[self.cell])
        return sums

    def products(self, ratios: Floats) -> Floats:
        """Multiply ``ratios`` [cells] over the votes of every image: [images]."""
        result = self.base.products(ratios[: self.base.spoken.size])
        if len(result) < self.images:
            result = np.concatenate([result, np.ones(self.images - len(result))])
        np.multiply.at(result, self.row, ratios[self.cell])
        return result

    def over_images(self, values: Floats) -> Floats:
        """Sum ``values`` [images, columns] over the images where a cell was said: [cells, columns]."""
        sums = np.zeros((self.spoken.size, values.shape[1]))
        sums[: self.base.spoken.size] = self.base.over_images(values[: self.base.said.shape[0]])
        np.add.at(sums, self.cell, values[self.row])
        return sums


@dataclass
class Aggregate:
    """Winnow's Dawid-Skene over votes that keep coming. Make one with :meth:`cold`, then :meth:`add`.

    ``images`` and ``annotators`` are in the order in which they came. Gold in the evidence also clamps images that come
    later; groups and priors belong to the first votes, and images that come later are in group 0.
    """

    evidence: Evidence
    votes: Votes
    problem: Problem
    fit: Fit
    state: State
    response: Response | None
    images: dict[str, int]
    annotators: dict[str, int]
    extra: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def cold(cls, votes: Votes, evidence: Evidence = NOTHING) -> "Aggregate":
        """Fit from the start."""
        problem = Problem.of(votes, evidence)
        fit = Fit(votes.incidence, problem, two_coin)
        state = fit.settle(first_state(votes, fit))
        images = {name: i for i, name in enumerate(votes.images)}
        annotators = {name: i for i, name in enumerate(votes.annotators)}
        response = Response.of(votes.incidence, problem, fit.q) if len(votes) > FEW else None
        return cls(evidence, votes, problem, fit, state, response, images, annotators)

    def __len__(self) -> int:
        return len(self.votes) + len(self.extra)

    def add(self, triples: Iterable[tuple[str, str, int]]) -> int:
        """Take more (image, annotator, value) in, and settle; returns how many were new.

        Of repeated votes of one annotator on one image the first counts.
        """
        more: dict[tuple[int, int], int] = {}
        for image, annotator, value in triples:
            i = self.images.setdefault(image, len(self.images))
            a = self.annotators.setdefault(annotator, len(self.annotators))
            more.setdefault((i, a), int(value))
        there = self._there(np.array(list(more), dtype=np.int64).reshape(-1, 2))
        fresh = {pair: v for (pair, v), old in zip(more.items(), there, strict=True) if not old}
        fresh = {pair: v for pair, v in fresh.items() if pair not in self.extra}
        self.extra |= fresh
        if fresh and len(self) > FEW and len(self.extra) <= BESIDE * len(self.votes):
            self._grow(len(fresh))
        elif fresh:
            self._rebuild()
        return len(fresh)

    def p(self) -> Floats:
        """P(class) [N, K], in the order of ``images``."""
        q = self.fit.posterior(self.fit.model(self.state), self.evidence.most_weight)
        order = self.votes.incidence.image_order
        p = np.empty((len(q), q.shape[1] + 1))
        p[np.concatenate([order, np.arange(len(order), len(q))]), 1:] = q
        p[:, 0] = 1.0 - p[:, 1:].sum(axis=1)
        return p

    def _there(self, pairs: NDArray[np.int64]) -> list[bool]:
        """Say which (image, annotator) [M, 2] are among the votes in the matrices."""
        votes = self.votes
        image, annotator = pairs.T
        inside = (image < len(votes.images)) & (annotator < len(votes.annotators))
        keys = image * len(votes.annotators) + annotator
        at = np.searchsorted(votes.keys, keys).clip(0, max(len(votes) - 1, 0))
        return (inside & (votes.keys[at] == keys)).tolist() if len(votes) else [False] * len(pairs)

    def _grow(self, fresh: int) -> None:
        """Put the extra votes, the last ``fresh`` of them new, beside the matrices, and settle from where it stands."""
        base, k = self.votes.incidence, len(self.votes.classes)
        image, annotator, value = np.array([(i, a, v) for (i, a), v in self.extra.items()], dtype=np.int64).T
        row, cell = base.rows(image), base.people(annotator) * k + value
        spoken = np.zeros((len(self.annotators), k))
        spoken[: len(base.spoken)] = base.spoken
        np.add.at(spoken.reshape(-1), cell, 1.0)
        late = islice(self.images, len(self.votes.images), None)
        problem = self.problem.extended([self.evidence.gold.get(name, -1) for name in late])
        before, cells = self.fit.q, np.zeros((spoken.size, k - 1))
        cells[: len(self.state.cells)] = self.state.cells
        # Answers that were not there before count as their images stood before them; new images tell nothing yet.
        old = row[-fresh:] < len(before)
        np.add.at(cells, cell[-fresh:][old], before[row[-fresh:][old]])
        self.fit = Fit(Grown(base, row, cell, len(self.images), spoken), problem, two_coin)
        state = State(cells, self.state.totals)
        if self.response is None:
            self.state = self.fit.settle(state, NEAR)
        else:
            self.state = self.response.settle(self.fit, state, row, cell, TOLERANCE)

    def _rebuild(self) -> None:
        """Build the matrices anew and fit from the start."""
        codes = np.array([(i, a, v) for (i, a), v in self.extra.items()], dtype=np.int64).reshape(-1, 3)
        votes = Votes.from_codes(
            np.concatenate([self.votes.image, codes[:, 0]]),
            np.concatenate([self.votes.annotator, codes[:, 1]]),
            np.concatenate([self.votes.value, codes[:, 2]]),
            tuple(self.images),
            tuple(self.annotators),
            self.votes.classes,
        )
        again = Aggregate.cold(votes, self.evidence.extended(len(votes.images) - len(self.votes.images)))
        self.evidence, self.votes, self.problem = again.evidence, again.votes, again.problem
        self.fit, self.state, self.response, self.extra = again.fit, again.state, again.response, {}
