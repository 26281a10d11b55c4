"""Stochastic gradient descent with a step schedule, and parameters that come from a generator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: epochs, images a batch, learning rate, momentum, and epochs until it falls to a tenth."""

    epochs: int
    batch: int
    rate: float
    momentum: float
    decay_every: int


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as PyTorch does (uniform within 1 / sqrt(inputs)), but from the generator."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            for parameter in module.parameters(recurse=False):
                nn.init.uniform_(parameter, -bound, bound, generator=generator)


def descend(
    network: nn.Module,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    count: int,
    schedule: Schedule,
    generator: torch.Generator,
) -> Iterator[float]:
    """Lower ``loss_of(rows)``, the loss of some of ``count`` examples; after each epoch yield its mean.

    A generator, so that the caller may look at the network between epochs, or stop.
    """
    optimiser = torch.optim.SGD(network.parameters(), lr=schedule.rate, momentum=schedule.momentum)
    decay = torch.optim.lr_scheduler.StepLR(optimiser, schedule.decay_every, gamma=0.1)
    for _ in range(schedule.epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(count, generator=generator), schedule.batch):
            optimiser.zero_grad(set_to_none=True)
            loss = loss_of(rows)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        decay.step()
        yield total / count
