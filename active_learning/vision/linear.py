"""The plain head: a linear function with large margins. It ignores the unlabeled pool."""

import torch

from active_learning.vision.checkpoints import State
from active_learning.vision.examples import MEMBERS, PLACES, Examples, Fit, Source
from active_learning.vision.margin import fit_margin

RIDGE = 0.1


class Linear:
    """A linear support vector machine with squared hinge loss: the baseline, and the head for strong features."""

    def fit(self, examples: Examples, generator: torch.Generator) -> Fit:
        """The state holds the weights [D], the bias, and draws of both from what the answers leave possible."""
        features = examples.features
        length = features.square().sum(dim=1).mean().sqrt().clamp(min=1e-12)
        penalty = RIDGE * torch.eye(features.shape[1], dtype=features.dtype)
        fitted = fit_margin(features / length, examples.answers, penalty, examples.importance, generator)
        places = examples.unlabeled if len(examples.unlabeled) else features
        drawn, biases = fitted.draws(MEMBERS, places[:PLACES] / length, generator)
        state = {
            "weights": fitted.weights / length,
            "bias": fitted.bias,
            "drawn_weights": (drawn / length).float(),
            "drawn_biases": biases.float(),
        }
        return Fit(state, fitted.history, fitted.held_out)

    def logits(self, state: State, features: torch.Tensor) -> torch.Tensor:
        """Features [N, D] -> [N], the value of the function: +1 and -1 are the margins."""
        return features @ state["weights"] + state["bias"]

    def members(self, state: State, features: torch.Tensor, source: Source) -> torch.Tensor:
        """Features [N, D] -> [N, 10], the value of each drawn function, whatever the source."""
        return features @ state["drawn_weights"].double() + state["drawn_biases"]
