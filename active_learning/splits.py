"""Stable hash draws: which images only calibrate, decided before and without any score.

The design is known and simple. Every image has one uniform draw that depends on the category's seed and the image's
id alone. The validation images are those with the ``n`` smallest draws of the pool, which is a simple random sample
without replacement: all draws are independent and equal in law, so every set of ``n`` images is equally likely. No
score, no label and no order of arrival has a say. An image that arrives later joins if its draw is below the same
threshold.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.dataset import Recipe, Split
from active_learning.domain.errors import InputError

_BITS = 53  # what a float64 in [0, 1) holds exactly


def stable_seed(*parts: object) -> int:
    """Return 63 bits that depend on the parts alone: the same on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def draw(category_seed: int, image: str) -> float:
    """Return the uniform draw of an image in [0, 1): the first 53 bits of sha256("<seed>:<image>")."""
    digest = hashlib.sha256(f"{category_seed}:{image}".encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / 2**_BITS)


def validation_threshold(draws: Sequence[float] | NDArray[np.float64], n: int) -> float:
    """Return the threshold below which exactly ``n`` of the draws [N] lie (all of them where ``n >= N``).

    ``draw < threshold`` is validation, now and for every image that arrives later.

    Raises:
        InputError: ``n`` is negative.
    """
    if n < 0:
        raise InputError(f"{n} validation images cannot be drawn.", "Use 0 or more.")
    values = np.sort(np.asarray(draws, dtype=np.float64))
    if n == 0:
        return 0.0
    return float(values[n]) if n < len(values) else 1.0


def part(recipe: Recipe, category: str, image: str) -> Split:
    """Return the part of a dataset that an image is in.

    It depends on the recipe's seed and shares, the category and the image alone: an image stays in its part from
    version to version, whatever else comes or goes. The draw is another than that of the validation images.
    """
    at = draw(stable_seed("dataset", category, recipe.seed), image)
    if at < recipe.train:
        return Split.TRAIN
    return Split.VAL if at < recipe.train + recipe.val or recipe.test == 0.0 else Split.TEST
