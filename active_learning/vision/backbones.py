"""Backbones: encoded images -> features. What they know they learn from the unlabeled pool, or load pretrained."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from active_learning.domain.errors import InputError
from active_learning.vision.checkpoints import State, pack, unpack
from active_learning.vision.decode import all_grey, median_side, to_tensor
from active_learning.vision.hog import hog
from active_learning.vision.patches import encode_patches, learn_patches
from active_learning.vision.pretrained import Pretrained
from active_learning.vision.projection import fit_projection, project

Features = npt.NDArray[np.float32]

BATCH = 64  # images decoded and encoded at a time: bounds the memory, and fits the processor's cache
SMALLEST_SIDE, LARGEST_SIDE = 16, 32
COLOURS = 4  # the image is summed up in 4 x 4 mean colours
COLOUR_WEIGHT = 0.35
FEWEST_IMAGES = 2


class Backbone(Protocol):
    """Learns a state once from pool images, then turns images into features with it."""

    def fit(self, name: str, images: Sequence[bytes], generator: torch.Generator) -> State:
        """Unlabeled pool images -> the state."""
        ...

    def embed(self, state: State, images: Sequence[bytes]) -> torch.Tensor:
        """Images -> float32 [N, D]."""
        ...


class Described:
    """Image descriptors, reduced to the pool's 256 principal components.

    Gradient histograms (and colours, where the pool has any), with or without patches learned from the pool.
    Colour images are averaged with their mirror images: a mirrored photograph shows the same thing. Grey ones are
    not: a mirrored digit is another sign.
    """

    def __init__(self, learned: bool) -> None:
        self._learned = learned

    def fit(self, name: str, images: Sequence[bytes], generator: torch.Generator) -> State:
        """Choose the size and colour from the pool, learn the patches, then the projection."""
        side = min(LARGEST_SIDE, max(SMALLEST_SIDE, -(-median_side(images) // 8) * 8))
        pixels = to_tensor(images, side, grey=False)
        grey = all_grey(pixels)
        if grey:
            pixels = to_tensor(images, side, grey=True)
        state = {"side": torch.tensor(side), "grey": torch.tensor(grey)}
        if self._learned:
            state |= learn_patches(pixels, generator)
        batches = [self._blocks(batch, state) for batch in torch.split(pixels, BATCH)]
        blocks = [torch.cat(block) for block in zip(*batches, strict=True)]
        weights = [1.0] * (len(blocks) if grey else len(blocks) - 1) + ([] if grey else [COLOUR_WEIGHT])
        return state | fit_projection(blocks, weights, generator)

    def embed(self, state: State, images: Sequence[bytes]) -> torch.Tensor:
        """Images -> [N, at most 256]."""
        pixels = to_tensor(images, int(state["side"]), bool(state["grey"]))
        return project(self._blocks(pixels, state), state)

    def _blocks(self, pixels: torch.Tensor, state: State) -> list[torch.Tensor]:
        blocks = self._one_way(pixels, state)
        if bool(state["grey"]):
            return blocks
        mirrored = self._one_way(pixels.flip(3), state)
        return [(block + other) / 2 for block, other in zip(blocks, mirrored, strict=True)]

    def _one_way(self, pixels: torch.Tensor, state: State) -> list[torch.Tensor]:
        blocks = [hog(pixels)]
        if self._learned:
            blocks.append(encode_patches(pixels, state))
        if not bool(state["grey"]):
            blocks.append(functional.adaptive_avg_pool2d(pixels, COLOURS).flatten(1))
        return blocks


BACKBONES: Mapping[str, Backbone] = {
    "patches": Described(learned=True),
    "hog": Described(learned=False),
    "timm": Pretrained(),
}


def fit_backbone(name: str, images: Sequence[bytes], seed: int) -> bytes:
    """Learn a backbone from unlabeled pool images -> its checkpoint. The same images and seed give the same bytes.

    A few thousand images are enough; all of them are held in memory. ``name``: "patches", "hog", "timm:<model>" or
    "timm:<model>@<file of weights>". Raises InputError (unknown name, fewer than 2 images) and ImageRefused.
    """
    backbone = _backbone(name)
    if len(images) < FEWEST_IMAGES:
        raise InputError("A backbone learns from at least 2 images.", "Import more images first.")
    with torch.inference_mode():
        state = backbone.fit(name, images, torch.Generator().manual_seed(seed))
    return pack(f"backbone {name}", state)


def embed(name: str, state: bytes, images: Sequence[bytes]) -> Features:
    """Encoded images -> features float32 [N, D], in batches. Raises InputError (checkpoint) and ImageRefused."""
    backbone = _backbone(name)
    tensors = unpack(f"backbone {name}", state)
    with torch.inference_mode():
        batches = [backbone.embed(tensors, images[at : at + BATCH]) for at in range(0, len(images), BATCH)]
    if not batches:
        return np.empty((0, 0), dtype=np.float32)
    return np.ascontiguousarray(torch.cat(batches).numpy(), dtype=np.float32)


def _backbone(name: str) -> Backbone:
    kind = name.partition(":")[0]
    if kind not in BACKBONES or (kind == "timm") != (":" in name):
        known = ", ".join(key if key != "timm" else "timm:<model>" for key in BACKBONES)
        raise InputError(f"There is no backbone '{name}'.", f"Choose one of: {known}.")
    return BACKBONES[kind]
