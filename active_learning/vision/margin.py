"""The convex problem behind the heads: a linear function of some features with large margins."""

from dataclasses import dataclass, replace
from typing import Self

import torch

from active_learning.vision.examples import deal

STEPS = 30
TOLERANCE = 1e-6
FREEDOM = 1e-6  # the bias's penalty: all but free
BARRED = 1e3  # the penalty of a direction that a fold may not use
FOLDS = 5
FOLD_STEPS = 2  # a fold starts at the solution of all answers


@dataclass(frozen=True)
class MarginFit:
    """The solution w [D], b [], the mean loss after each step, and what is known of its doubt.

    ``held_out`` [N] are the values that fits without the answer itself give; ``factor`` [D + 1, D + 1] is the Cholesky
    factor of the second derivative (halved), ``without`` [D + 1, FOLDS] are the fits without a fold each.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    history: list[float]
    held_out: torch.Tensor
    factor: torch.Tensor
    without: torch.Tensor

    def draws(self, count: int, places: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Solutions that the answers leave possible -> weights [D, count] and biases [count].

        Normal around the solution with the second derivative as precision (Laplace's approximation). The loss is no
        likelihood, so its scale says nothing: the draws are made to vary at ``places`` [P, D] by as much as the
        grouped jackknife finds, that is, as the fits without a fold differ.
        """
        inputs = _with_ones(places)
        differ = (inputs @ self.without).var(dim=1, correction=0) * (self.without.shape[1] - 1)
        laplace = torch.linalg.solve_triangular(self.factor, inputs.T, upper=False).square().sum(dim=0)
        scale = (differ.mean() / laplace.mean().clamp(min=1e-12)).sqrt()
        noise = torch.randn(len(self.factor), count, generator=generator, dtype=self.factor.dtype)
        moved = scale * torch.linalg.solve_triangular(self.factor.T, noise, upper=True)
        return self.weights[:, None] + moved[:-1], self.bias + moved[-1]


def fit_margin(
    features: torch.Tensor,
    answers: torch.Tensor,
    penalty: torch.Tensor,
    importance: torch.Tensor,
    generator: torch.Generator,
    own: torch.Tensor | None = None,
) -> MarginFit:
    """Minimise sum_i v_i max(0, 1 - s_i (w . x_i + b))^2 + w' P w, with s_i = +1 for yes and -1 for no.

    Features [N, D] float64, answers [N] of 0 and 1, importance v [N] not negative, penalty P [D, D] symmetric,
    positive definite. The generator deals the answers into folds for the held-out values. ``own`` [K, D]: each of the
    first K answers' images brought a direction o of its own into the space; fits without them hold o . w at 0.
    """
    inputs = _with_ones(features)
    problem = _Problem(inputs, 2 * answers - 1, importance, _with_bias(penalty))
    point, history = problem.solve(_Point.zero(problem), STEPS)
    held_out, fits = torch.empty_like(answers), []
    for fold in deal(answers, FOLDS, generator):
        quadratic = problem.quadratic
        if own is not None:
            directions = own[fold[fold < len(own)]]
            quadratic = quadratic + _with_bias(BARRED * directions.T @ directions)
        without = replace(problem, importance=importance.index_fill(0, fold, 0.0), quadratic=quadratic)
        left, _ = without.solve(point.without(problem, fold), FOLD_STEPS)
        held_out[fold] = inputs[fold] @ left.weights
        fits.append(left.weights)
    factor = torch.linalg.cholesky(point.curvature + problem.quadratic)
    return MarginFit(point.weights[:-1], point.weights[-1], history, held_out, factor, torch.stack(fits, dim=1))


@dataclass(frozen=True)
class _Problem:
    """Inputs [N, D + 1] whose last column is 1, signs [N], importance [N], and the penalty [D + 1, D + 1]."""

    inputs: torch.Tensor
    signs: torch.Tensor
    importance: torch.Tensor
    quadratic: torch.Tensor

    def solve(self, point: "_Point", steps: int) -> tuple["_Point", list[float]]:
        """Newton's method with step halving -> the last point, and the mean loss after each step.

        The problem is convex and its second derivative is piecewise constant, so it ends after a handful of steps
        (Keerthi & DeCoste 2005).
        """
        value, history = self._objective(point.weights), []
        for _ in range(steps):
            pull = self.inputs.T @ (self.importance * self.signs * point.active)
            factor = torch.linalg.cholesky(point.curvature + self.quadratic)
            step, length = torch.cholesky_solve(pull[:, None], factor)[:, 0] - point.weights, 1.0
            while (found := self._objective(point.weights + length * step)) > value and length > 1e-4:
                length /= 2
            gain, value, point = value - found, found, point.moved(self, length * step)
            history.append(float((self.importance @ self._hinge(point.weights).square()) / self.importance.sum()))
            if gain < TOLERANCE * max(1.0, value):
                break
        return point, history

    def within(self, weights: torch.Tensor) -> torch.Tensor:
        """Which answers lie within the margin [N]: the others have no say in the next step."""
        return self._hinge(weights) > 0

    def gram(self, rows: torch.Tensor) -> torch.Tensor:
        """What some answers add to half the second derivative [D + 1, D + 1]."""
        chosen = self.inputs[rows]
        return chosen.T @ (chosen * self.importance[rows, None])

    def _hinge(self, weights: torch.Tensor) -> torch.Tensor:
        return (1 - self.signs * (self.inputs @ weights)).clamp(min=0)

    def _objective(self, weights: torch.Tensor) -> float:
        return float(self.importance @ self._hinge(weights).square() + weights @ self.quadratic @ weights)


@dataclass(frozen=True)
class _Point:
    """Weights [D + 1], the answers within their margin [N], and those answers' part of half the second derivative.

    The second derivative is kept, not computed anew: only answers that cross the margin change it.
    """

    weights: torch.Tensor
    active: torch.Tensor
    curvature: torch.Tensor

    @classmethod
    def zero(cls, problem: _Problem) -> Self:
        """Where every answer is within the margin."""
        active = torch.ones(len(problem.signs), dtype=torch.bool)
        weights = torch.zeros(problem.inputs.shape[1], dtype=problem.inputs.dtype)
        return cls(weights, active, problem.gram(active))

    def moved(self, problem: _Problem, step: torch.Tensor) -> "_Point":
        """A step further."""
        weights = self.weights + step
        active = problem.within(weights)
        came, went = active & ~self.active, self.active & ~active
        return _Point(weights, active, self.curvature + problem.gram(came) - problem.gram(went))

    def without(self, problem: _Problem, rows: torch.Tensor) -> "_Point":
        """The same place, with some of the problem's answers left out."""
        return replace(self, curvature=self.curvature - problem.gram(rows[self.active[rows]]))


def _with_ones(features: torch.Tensor) -> torch.Tensor:
    return torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], dim=1)


def _with_bias(penalty: torch.Tensor) -> torch.Tensor:
    size = len(penalty)
    quadratic = torch.zeros(size + 1, size + 1, dtype=penalty.dtype)
    quadratic[:size, :size] = penalty
    quadratic[size, size] = FREEDOM
    return quadratic
