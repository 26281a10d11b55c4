"""Features of a small convolutional network that has learned from the pool which way up images are."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import skip_init

from active_learning.vision.checkpoints import State
from active_learning.vision.descent import Schedule, initialise
from active_learning.vision.pretext import TURNS, learn_turns

CHANNELS = (32, 64, 96)
SCHEDULE = Schedule(epochs=8, batch=32, rate=0.05, momentum=0.9, decay_every=3)
REGIONS = (3, 3, 2)  # a side: each layer is summed up in so many regions
EPSILON = 1e-5

_blank: Callable[..., nn.Module] = skip_init


class TurnNet(nn.Module):
    """Three convolutions, each halved and normalised, and a linear layer that names the turn.

    Normalised in 8 groups of channels, one image at a time (Wu & He 2018), so that an image's features do not depend
    on its batch.
    """

    def __init__(self, colours: int) -> None:
        super().__init__()
        widths = (colours, *CHANNELS)
        # Without PyTorch's own first weights: they come from the global generator.
        self.convolutions = nn.ModuleList([_blank(nn.Conv2d, *pair, 3, padding=1) for pair in pairwise(widths)])
        self.last = _blank(nn.Linear, CHANNELS[-1] * 4, TURNS)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def layers(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Images [N, C, S, S] in 0..1 -> the activity of each layer [N, channels, S / 2, S / 2], then S / 4, S / 8."""
        found, values = [], images - images.mean(dim=(1, 2, 3), keepdim=True)
        for convolution in self.convolutions:
            values = functional.max_pool2d(convolution(values), 2)
            values = functional.group_norm(values, 8, eps=EPSILON).relu()
            found.append(values)
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images -> the logits of the four turns [N, 4]."""
        logits: torch.Tensor = self.last(functional.adaptive_avg_pool2d(self.layers(images)[-1], 2).flatten(1))
        return logits


def learn_network(images: torch.Tensor, generator: torch.Generator) -> State:
    """Unlabeled images [N, C, S, S] -> the network's weights, their names after "turns."."""
    network = TurnNet(images.shape[1])
    initialise(network, generator)
    with torch.enable_grad():
        learn_turns(network, network, images.contiguous(memory_format=torch.channels_last), SCHEDULE, generator)
    return {f"turns.{name}": value.detach().clone() for name, value in network.state_dict().items()}


def encode_turns(images: torch.Tensor, state: State) -> list[torch.Tensor]:
    """Images [N, C, S, S] -> one block a layer: its mean activity in 3 x 3, 3 x 3 and 2 x 2 regions."""
    network = TurnNet(images.shape[1])
    network.load_state_dict({name.removeprefix("turns."): value for name, value in state.items() if "turns." in name})
    layers = network.layers(images.contiguous(memory_format=torch.channels_last))
    return [functional.adaptive_avg_pool2d(layer, side).flatten(1) for layer, side in zip(layers, REGIONS, strict=True)]
