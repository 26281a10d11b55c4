"""The plain head: a linear function with large margins. It ignores the unlabeled pool."""

import torch

from active_learning.vision.checkpoints import State
from active_learning.vision.margin import fit_margin

RIDGE = 0.1
SLOPE = 2.0


class Linear:
    """A linear support vector machine with squared hinge loss: the baseline, and the head for strong features."""

    def fit(
        self, features: torch.Tensor, answers: torch.Tensor, unlabeled: torch.Tensor, generator: torch.Generator
    ) -> tuple[State, list[float]]:
        """Returns the weights [D], the bias, and the loss after each step."""
        length = features.square().sum(dim=1).mean().sqrt().clamp(min=1e-12)
        penalty = RIDGE * torch.eye(features.shape[1], dtype=features.dtype)
        weights, bias, history = fit_margin(features / length, answers, penalty)
        return {"weights": weights / length, "bias": bias, "length": torch.tensor(features.shape[1])}, history

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] float64 -> [N] float64."""
        return SLOPE * (features @ state["weights"] + state["bias"])
