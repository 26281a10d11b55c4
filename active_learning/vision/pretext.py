"""Learning to see without answers: which way up is an image? (Gidaris, Singh & Komodakis 2018)"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from active_learning.vision.descent import Schedule, descend

TURNS = 4
Forward = Callable[[torch.Tensor], torch.Tensor]


def turned(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Square images [N, C, S, S] -> all four quarter turns [4 N, C, S, S], and how many turns each has made [4 N]."""
    turns = [torch.rot90(images, turn, (2, 3)) for turn in range(TURNS)]
    return torch.cat(turns), torch.arange(TURNS).repeat_interleave(len(images))


def learn_turns(
    network: nn.Module, forward: Forward, images: torch.Tensor, schedule: Schedule, generator: torch.Generator
) -> list[float]:
    """Teach a network to tell the quarter turns of unlabeled images apart; returns each epoch's mean loss.

    ``forward`` gives the network's four outputs; what lies below them has then learned shapes and parts.
    """

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        inputs, labels = turned(images[rows])
        return functional.cross_entropy(forward(inputs), labels)

    return list(descend(network, loss_of, len(images), schedule, generator))
