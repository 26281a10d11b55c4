"""How expected counts answer to small changes of the error models: passes over annotators in place of votes.

When a fit is moved a little, every pass of EM goes through all votes to tell what the last small step did. To first
order that is a matrix which is known beforehand. With log-odds x_i = (sum of the weights of image i's cells) +
(log-odds of its group), an image's posterior moves by q_i (1 - q_i) dx_i, and so the counts by

    d counts = B' diag(q (1 - q)) B d(weights, log-odds),      B = [said | group of the free images]

so that EM near a point is replaced by counts + this matrix times what the counts do to the weights. Images whose votes
have changed since the matrix was made are taken out of it and put in as they are now. That stand-in is settled, which
costs a product with a sparse matrix of annotators each time; then a true pass says how far it led. A few true passes
do. Yes/no only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from active_learning.consensus.em import Fit, Memory, State
from active_learning.consensus.evidence import Problem
from active_learning.consensus.incidence import Floats, Incidence

DENSEST = 20.0
"""Products of two votes on one image, per vote, up to which the matrix is worth building."""

TRUE_PASSES = 8
"""True passes after which the plain way goes on: so many votes have changed that the matrix misleads."""

STAND_IN_PASSES = 30
CLOSER = 0.01
"""How much nearer than the last true step the stand-in is settled."""


@dataclass(frozen=True)
class Response:
    """The matrix [A K + G, A K + G] in the order of ``State.flat``, and what it was made from."""

    matrix: Any
    said: Any
    slope: Floats

    @classmethod
    def of(cls, incidence: Incidence, problem: Problem, q: Floats) -> "Response | None":
        """The response at posteriors ``q`` [N, 1]; None where it would cost more than it saves."""
        said = incidence.said
        products = float((np.diff(said.indptr).astype(np.float64) ** 2).sum())
        if incidence.classes != 2 or products > DENSEST * max(said.nnz, 1):
            return None
        slope = _slope(q, problem, np.arange(len(q)))
        b = sparse.hstack([said, _groups(problem, np.arange(len(q)))], format="csr")
        return cls((b.T @ (sparse.diags_array(slope) @ b)).tocsr(), said, slope)

    def settle(
        self, fit: Fit, state: State, row: NDArray[np.int64], cell: NDArray[np.int64], tolerance: float
    ) -> State:
        """Go on from ``state`` until no accuracy would move by more than ``tolerance`` to where the stand-in settles.

        ``row`` and ``cell`` are the votes that ``fit`` has and the matrix has not.
        """
        changed = Changed.of(self, fit.problem, row, cell, len(state.cells))
        for _ in range(TRUE_PASSES):
            after = fit.step(state)
            slope = _slope(fit.q[changed.rows], fit.problem, changed.rows)
            state = self._stand_in(fit, state, after, changed, slope)
            # Not the last step counts but how far it leads: where EM creeps, a small step is far from its end.
            if fit.move(after, state) < tolerance:
                return state
        return fit.settle(state, np.inf)

    def _stand_in(self, fit: Fit, state: State, after: State, changed: "Changed", slope: Floats) -> State:
        """Where EM would settle if counts answered linearly to the weights round ``state``."""
        at, settled, tolerance = _weights(fit, state), after.flat(), CLOSER * fit.move(state, after)
        memory, y = Memory(fit.measure), settled
        for _ in range(STAND_IN_PASSES):
            moved = settled + changed.answer(self.matrix, _weights(fit, state.like(y)) - at, slope)
            if fit.move(state.like(y), state.like(moved)) < tolerance:
                return fit.possible(state.like(moved))
            y = fit.possible(state.like(memory.next(y, moved))).flat()
        return state.like(y)


@dataclass(frozen=True)
class Changed:
    """Images whose votes have changed: their rows, and their parts of B as the matrix has them and as they are now."""

    rows: NDArray[np.int64]
    before: Any
    slope_before: Floats
    now: Any
    places: NDArray[np.int64]

    @classmethod
    def of(
        cls, response: Response, problem: Problem, row: NDArray[np.int64], cell: NDArray[np.int64], cells: int
    ) -> "Changed":
        """``cells`` is the number that there is now."""
        rows, where = np.unique(row, return_inverse=True)
        n, known = response.said.shape
        old, groups = rows < n, _groups(problem, rows)
        said = sparse.csr_array((len(rows), known))
        if old.any():
            picked = sparse.csr_array(response.said[rows[old]])
            length = np.zeros(len(rows), dtype=np.int64)
            length[old] = np.diff(picked.indptr)
            said = sparse.csr_array(
                (picked.data, picked.indices, np.concatenate([[0], np.cumsum(length)])), shape=(len(rows), known)
            )
        more = sparse.csr_array((np.ones(len(row)), (where, cell)), shape=(len(rows), cells))
        wide = sparse.csr_array((said.data, said.indices, said.indptr), shape=(len(rows), cells))
        slope = np.zeros(len(rows))
        slope[old] = response.slope[rows[old]]
        places = np.concatenate([np.arange(known), cells + np.arange(problem.size)])
        return cls(
            rows, sparse.hstack([said, groups], "csr"), slope, sparse.hstack([wide + more, groups], "csr"), places
        )

    def answer(self, matrix: Any, weights: Floats, slope: Floats) -> Floats:
        """What the counts do when weights and log-odds move by ``weights``; ``slope`` is the changed images' now."""
        known = weights[self.places]
        part = matrix @ known - self.before.T @ (self.slope_before * (self.before @ known))
        answer = np.asarray(self.now.T @ (slope * (self.now @ weights)))
        answer[self.places] += part
        return answer


def _weights(fit: Fit, state: State) -> Floats:
    model = fit.model(state)
    return np.concatenate([model.weights()[:, 0], model.log_odds()[:, 0]])


def _slope(q: Floats, problem: Problem, rows: NDArray[np.int64]) -> Floats:
    """q (1 - q) of these rows; 0 where the class is known."""
    slope = q[:, 0] * (1.0 - q[:, 0])
    slope[np.isin(rows, problem.known)] = 0.0
    return np.asarray(slope)


def _groups(problem: Problem, rows: NDArray[np.int64]) -> Any:
    """A one for the group of every row that is free [rows, G]."""
    group = np.zeros(len(rows), dtype=np.int64) if problem.groups is None else problem.groups[rows]
    free = np.ones(len(rows)) if problem.free is None else problem.free[rows].astype(np.float64)
    return sparse.csr_array((free, (np.arange(len(rows)), group)), shape=(len(rows), problem.size))
