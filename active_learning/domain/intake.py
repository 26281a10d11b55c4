"""What a category lets into its pool, and in which form."""

from typing import Literal

from pydantic import Field

from active_learning.domain.value import Value

HASHED_SIDE = 64
"""Shorter side in pixels from which on perceptual hashes tell images apart; smaller ones are never near-duplicates."""

Form = Literal["original", "lsun"]
"""``original``: the bytes as they came. ``lsun``: shorter side 256 pixels, JPEG of quality 75 (Yu et al. 2015)."""


class IntakePolicy(Value):
    """The filters that a found image passes before it becomes a candidate.

    ``licences`` are the short names of :mod:`scraper.licences` (``cc0``, ``by``, ``by-sa``, ...) that are let in;
    ``None`` lets in everything, images whose licence nobody knows among them. ``min_side`` and ``max_side`` are pixels,
    ``max_aspect`` the longer side by the shorter one, ``min_sharpness`` the variance of the Laplacian of the grey
    picture. ``near`` is the Hamming distance of two perceptual hashes (64 bits) up to which the later image counts as a
    near-duplicate; ``None`` lets near-duplicates in. Images with a side below ``HASHED_SIDE`` only exactly.
    """

    licences: tuple[str, ...] | None = None
    min_side: int = Field(default=8, ge=1)
    max_side: int = Field(default=20_000, ge=1)
    max_aspect: float = Field(default=20.0, ge=1.0)
    min_sharpness: float = Field(default=0.0, ge=0.0)
    form: Form = "original"
    near: int | None = Field(default=8, ge=0, le=16)
