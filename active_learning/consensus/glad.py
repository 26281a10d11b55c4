"""GLAD: annotators differ in ability and images in difficulty.

Whitehill et al. 2009: an annotator of ability a_j is right on image i with probability sigmoid(a_j b_i), b_i > 0 how
easy it is; errors are spread evenly over the other classes. Abilities and log b have the normal prior N(1, 1) of the
authors' program (and crowd-kit's). The truth is summed out, so one gradient fits all at once (L-BFGS, Nocedal 1980)
where the original alternates EM with a gradient ascent inside. Classes are equally likely, as in the original: with
shares of their own, the difficult images all drift to the commoner class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from active_learning.consensus.em import softmax
from active_learning.consensus.evidence import Problem
from active_learning.consensus.incidence import Floats, Incidence

PRIOR = 1.0
"""Mean of the priors of ability and of the logarithm of ease; their variance is 1."""

TOLERANCE = 1e-7
EASIEST = 20.0
"""Largest logarithm of ease that a step may try: it keeps numbers finite far from any maximum."""

MAX_EVALUATIONS = 1_000


@dataclass(frozen=True)
class Glad:
    """Fitted abilities [A] and log ease [N], the posteriors q [N, K - 1], and minus the log posterior of the fit."""

    ability: Floats
    ease: Floats
    q: Floats
    objective: float
    evaluations: int


@dataclass(frozen=True)
class Objective:
    """Minus the log posterior of abilities and ease, and its gradient, over V votes in the incidence's order."""

    incidence: Incidence
    problem: Problem
    image: NDArray[np.int32]
    annotator: NDArray[np.int32]
    cell: NDArray[np.int64]

    @property
    def even(self) -> Floats:
        """Log-odds of equally likely classes [G, K - 1]."""
        return np.zeros((self.problem.size, self.incidence.classes - 1))

    @classmethod
    def of(cls, incidence: Incidence, problem: Problem) -> "Objective":
        """Lay the votes out."""
        said, k = incidence.said, incidence.classes
        image = np.repeat(np.arange(said.shape[0], dtype=np.int32), np.diff(said.indptr))
        annotator, value = np.divmod(said.indices, k)
        return cls(incidence, problem, image, annotator, image.astype(np.int64) * k + value)

    def believed(self, ability: Floats, ease: Floats) -> tuple[Floats, Floats, Floats]:
        """Log-odds of all classes but the first [N, K - 1], strength [V] of the votes, and each class's sum [N, K]."""
        n, k = self.incidence.said.shape[0], self.incidence.classes
        strength = ability[self.annotator] * np.exp(np.minimum(ease, EASIEST))[self.image]
        sums = np.bincount(self.cell, strength + np.log(k - 1), n * k).reshape(n, k)
        x = sums[:, 1:] - sums[:, :1] + self.problem.believed(self.even)
        return x, strength, np.asarray(sums, dtype=np.float64)

    def __call__(self, flat: Floats) -> tuple[float, Floats]:
        """Value and gradient at abilities and log ease in one row."""
        n, k = self.incidence.said.shape[0], self.incidence.classes
        ability, ease = flat[:-n] if n else flat, flat[len(flat) - n :]
        x, strength, sums = self.believed(ability, ease)
        value = float(log_expit(-strength).sum()) - len(strength) * np.log(k - 1) + float(sums[:, 0].sum())
        value += self._evidence(x)
        q = softmax(x)
        self.problem.clamp(q)
        full = np.column_stack([1.0 - q.sum(axis=1), q])
        slope = full.ravel()[self.cell] - expit(strength)
        gradient = np.empty_like(flat)
        easy = np.exp(np.minimum(ease, EASIEST))[self.image]
        gradient[:-n] = np.bincount(self.annotator, slope * easy, len(ability)) - (ability - PRIOR)
        gradient[len(flat) - n :] = np.bincount(self.image, slope * strength, n) - (ease - PRIOR)
        value -= 0.5 * float(((ability - PRIOR) ** 2).sum() + ((ease - PRIOR) ** 2).sum())
        return -value, -gradient

    def _evidence(self, x: Floats) -> float:
        """Log of the sum over classes, relative to the first class; over the known class alone where there is gold."""
        padded = np.column_stack([np.zeros(len(x)), x])
        most = padded.max(axis=1)
        each = most + np.log(np.exp(padded - most[:, None]).sum(axis=1))
        known = self.problem.known
        each[known] = padded[known, self.problem.known_class]
        return float(each.sum())


def glad(incidence: Incidence, problem: Problem, tolerance: float = TOLERANCE) -> Glad:
    """Fit to the votes of ``incidence``, from the priors' means."""
    n, a = incidence.said.shape[0], len(incidence.spoken)
    objective = Objective.of(incidence, problem)
    found = minimize(
        objective,
        np.full(a + n, PRIOR),
        method="L-BFGS-B",
        jac=True,
        options={"maxfun": MAX_EVALUATIONS, "maxiter": MAX_EVALUATIONS, "gtol": tolerance, "ftol": tolerance},
    )
    q = softmax(objective.believed(found.x[:a], found.x[a:])[0])
    problem.clamp(q)
    return Glad(found.x[:a], found.x[a:], q, float(found.fun), int(found.nfev))
