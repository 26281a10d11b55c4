"""Backbones: encoded images -> features. What they know they learn from the unlabeled pool, or load pretrained."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

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
from active_learning.vision.turns import encode_turns, learn_network

Features = npt.NDArray[np.float32]
Descriptor = Literal["hog", "patches", "turns"]

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

    Gradient histograms, patches learned from the pool, the layers of a network that learned from it which way up images
    are, whichever ``weights`` names and by as much as it says; and colours, where the pool has any. Colour images are
    averaged with their mirror images: a mirrored photograph shows the same thing. Grey ones are not: a mirrored digit
    is another sign.
    """

    def __init__(self, weights: Mapping[Descriptor, float]) -> None:
        self._weights = weights

    def fit(self, name: str, images: Sequence[bytes], generator: torch.Generator) -> State:
        """Choose the size and colour from the pool, learn the descriptors, then the projection."""
        side = min(LARGEST_SIDE, max(SMALLEST_SIDE, -(-median_side(images) // 8) * 8))
        pixels = to_tensor(images, side, grey=False)
        grey = all_grey(pixels)
        if grey:
            pixels = to_tensor(images, side, grey=True)
        state = {"side": torch.tensor(side), "grey": torch.tensor(grey)}
        if "patches" in self._weights:
            state |= learn_patches(pixels, generator)
        if "turns" in self._weights:
            state |= learn_network(pixels, generator)
        batches = [self._blocks(batch, state) for batch in torch.split(pixels, BATCH)]
        blocks = [torch.cat([block for _, block in parts]) for parts in zip(*batches, strict=True)]
        return state | fit_projection(blocks, [weight for weight, _ in batches[0]], generator)

    def embed(self, state: State, images: Sequence[bytes]) -> torch.Tensor:
        """Images -> [N, at most 256]."""
        pixels = to_tensor(images, int(state["side"]), bool(state["grey"]))
        return project([block for _, block in self._blocks(pixels, state)], state)

    def _blocks(self, pixels: torch.Tensor, state: State) -> list[tuple[float, torch.Tensor]]:
        """Weights and blocks [N, D_i]."""
        blocks = self._one_way(pixels, state)
        if bool(state["grey"]):
            return blocks
        mirrored = self._one_way(pixels.flip(3), state)
        return [(weight, (block + other) / 2) for (weight, block), (_, other) in zip(blocks, mirrored, strict=True)]

    def _one_way(self, pixels: torch.Tensor, state: State) -> list[tuple[float, torch.Tensor]]:
        weights, blocks = self._weights, []
        if "hog" in weights:
            blocks.append((weights["hog"], hog(pixels)))
        if "patches" in weights:
            blocks.append((weights["patches"], encode_patches(pixels, state)))
        if "turns" in weights:
            blocks += [(weights["turns"], layer) for layer in encode_turns(pixels, state)]
        if not bool(state["grey"]):
            blocks.append((COLOUR_WEIGHT, functional.adaptive_avg_pool2d(pixels, COLOURS).flatten(1)))
        return blocks


BACKBONES: Mapping[str, Backbone] = {
    "patches": Described({"hog": 1.0, "patches": 1.0}),
    "patches_rotation": Described({"hog": 1.0, "patches": 1.0, "turns": 0.3}),
    "rotation": Described({"turns": 0.6}),
    "hog": Described({"hog": 1.0}),
    "timm": Pretrained(),
}
"""``patches`` is the default. With turns as well hard categories gain (CIFAR-10, 4,000 labels, average precision: cats
.455 to .479, dogs .590 to .609, cars .830 to .827); such a backbone takes a minute longer to learn, and half as long
again to embed an image. Turns alone are much weaker (cars .63)."""


def fit_backbone(name: str, images: Sequence[bytes], seed: int) -> bytes:
    """Learn a backbone from unlabeled pool images -> its checkpoint. The same images and seed give the same bytes.

    A few thousand images are enough; all of them are held in memory. ``name`` is a key of ``BACKBONES``, or
    "timm:<model>" or "timm:<model>@<file of weights>". Raises InputError (unknown name, fewer than 2 images) and
    ImageRefused.
    """
    backbone = _backbone(name)
    if len(images) < FEWEST_IMAGES:
        raise InputError("A backbone learns from at least 2 images.", "Import more images first.")
    with torch.no_grad():
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
