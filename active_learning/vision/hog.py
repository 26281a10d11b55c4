"""Histograms of oriented gradients (Dalal & Triggs 2005)."""

import math

import torch
from torch.nn import functional

ORIENTATIONS = 9
CELLS = 7  # a side; cells overlap by half
CLIP = 0.2


def hog(images: torch.Tensor) -> torch.Tensor:
    """Images [N, C, S, S], S a multiple of 8 -> [N, 1296]: 6 x 6 blocks of 2 x 2 cells of 9 orientations.

    A cell is a quarter of the side, so the descriptor has one length for every S.
    """
    side = images.shape[-1]
    grey = images.mean(dim=1, keepdim=True)
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    strength = torch.hypot(across, down)
    angle = torch.remainder(torch.atan2(down, across), math.pi) * (ORIENTATIONS / math.pi)
    lower = angle.floor()
    share = angle - lower
    bin_ = lower.long() % ORIENTATIONS
    votes = torch.zeros(len(images), ORIENTATIONS, side, side)
    votes.scatter_(1, bin_, strength * (1 - share))
    votes.scatter_add_(1, (bin_ + 1) % ORIENTATIONS, strength * share)
    cells = functional.avg_pool2d(votes, side // 4, stride=side // 8)
    blocks = functional.unfold(cells, kernel_size=2)
    blocks = (blocks / (blocks.square().sum(dim=1, keepdim=True) + 1e-4).sqrt()).clamp(max=CLIP)
    blocks = blocks / (blocks.square().sum(dim=1, keepdim=True) + 1e-4).sqrt()
    return blocks.flatten(1)
