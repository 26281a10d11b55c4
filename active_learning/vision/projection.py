"""Blocks of raw descriptors -> a short vector: blocks centred and brought to one scale, then principal components."""

from collections.abc import Sequence

import torch

from active_learning.vision.checkpoints import State

DIMENSIONS = 256
OVERSAMPLING = 32
ITERATIONS = 4


def fit_projection(blocks: Sequence[torch.Tensor], weights: Sequence[float], generator: torch.Generator) -> State:
    """Blocks [N, D_i] of the same images -> centre [D] and axes [D, at most 256], D the sum of the D_i.

    Every block gets mean squared length 1 times its weight squared, so that a long block does not drown a short one.
    Components by randomised subspace iteration (Halko, Martinsson & Tropp 2011): the exact ones of 5,000 dimensions
    take minutes.
    """
    raw = torch.cat(list(blocks), dim=1)
    centre = raw.mean(dim=0)
    scale = torch.cat([_scale(block, weight) for block, weight in zip(blocks, weights, strict=True)])
    points = (raw - centre) * scale
    wanted = min(DIMENSIONS, *points.shape)
    basis = torch.randn(points.shape[1], min(wanted + OVERSAMPLING, points.shape[1]), generator=generator)
    for _ in range(ITERATIONS):
        basis, _ = torch.linalg.qr(points.T @ (points @ basis))
    _, _, rotation = torch.linalg.svd(points @ basis, full_matrices=False)
    axes = basis @ rotation.T[:, :wanted]
    return {"centre": centre, "axes": scale[:, None] * axes}


def project(blocks: Sequence[torch.Tensor], state: State) -> torch.Tensor:
    """Blocks [N, D_i] -> [N, at most 256]."""
    return (torch.cat(list(blocks), dim=1) - state["centre"]) @ state["axes"]


def _scale(block: torch.Tensor, weight: float) -> torch.Tensor:
    length = (block - block.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    return torch.full((block.shape[1],), weight) / length.clamp(min=1e-6)
