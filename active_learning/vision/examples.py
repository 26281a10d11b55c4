"""What a head learns from, and what it hands back."""

from dataclasses import dataclass
from typing import Literal

import torch

from active_learning.vision.checkpoints import State

MEMBERS = 10  # of a committee
PLACES = 500  # images at which a committee's members are made to differ by the right amount

Source = Literal["checkpoints", "dropout"]
"""What the members of a committee are: checkpoints of the training, or passes with dropout."""


@dataclass(frozen=True)
class Examples:
    """Features [N, D], answers [N] of 0 and 1, what each answer weighs [N] in 0..1, and unlabeled features [M, D].

    All float64. The unlabeled ones are a sample of the whole pool; M may be 0.
    """

    features: torch.Tensor
    answers: torch.Tensor
    importance: torch.Tensor
    unlabeled: torch.Tensor

    @property
    def signs(self) -> torch.Tensor:
        """+1 for yes and -1 for no [N]."""
        return 2 * self.answers - 1


@dataclass(frozen=True)
class Fit:
    """A fitted head: its state, the mean loss after each step, and for every answer the logit of a fit without it."""

    state: State
    history: list[float]
    held_out: torch.Tensor


def deal(answers: torch.Tensor, count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Deal the positions of yes and of no in turn, each kind shuffled, into ``count`` folds; none is empty."""
    shuffled = torch.randperm(len(answers), generator=generator)
    dealt = shuffled[torch.argsort(answers[shuffled], stable=True)]
    return [dealt[fold::count] for fold in range(min(count, len(answers)))]
