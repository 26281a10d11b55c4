"""The convex problem behind the heads: a linear function of some features with large margins."""

import torch

STEPS = 30
TOLERANCE = 1e-6


def fit_margin(
    features: torch.Tensor, answers: torch.Tensor, penalty: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    """Minimise sum_i max(0, 1 - s_i (w . x_i + b))^2 + w' P w, with s_i = +1 for yes and -1 for no.

    Features [N, D] float64, answers [N] of 0 and 1, penalty P [D, D] symmetric, positive definite. Returns w [D],
    b [] and the mean loss after each step. Newton's method with step halving; the problem is convex and its
    second derivative is piecewise constant, so it ends after a handful of steps (Keerthi & DeCoste 2005).
    """
    signs = 2 * answers - 1
    inputs = torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], dim=1)
    size = inputs.shape[1]
    quadratic = torch.zeros(size, size, dtype=features.dtype)
    quadratic[:-1, :-1] = penalty
    quadratic[-1, -1] = 1e-6  # the bias is all but free
    weights = torch.zeros(size, dtype=features.dtype)
    value, history = _objective(inputs, signs, quadratic, weights), []
    for _ in range(STEPS):
        active = (signs * (inputs @ weights) < 1).to(features.dtype)
        rows = inputs * active[:, None]
        factor = torch.linalg.cholesky(rows.T @ rows + quadratic)
        target = torch.cholesky_solve((rows.T @ signs)[:, None], factor)[:, 0]
        step, length = target - weights, 1.0
        while (found := _objective(inputs, signs, quadratic, weights + length * step)) > value and length > 1e-4:
            length /= 2
        gain, value, weights = value - found, found, weights + length * step
        history.append(float((1 - signs * (inputs @ weights)).clamp(min=0).square().mean()))
        if gain < TOLERANCE * max(1.0, value):
            break
    return weights[:-1], weights[-1], history


def _objective(inputs: torch.Tensor, signs: torch.Tensor, quadratic: torch.Tensor, weights: torch.Tensor) -> float:
    hinge = (1 - signs * (inputs @ weights)).clamp(min=0)
    return float(hinge.square().sum() + weights @ quadratic @ weights)
