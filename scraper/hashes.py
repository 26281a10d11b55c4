"""Perceptual hashes: 64 bits that stay nearly the same when a picture is re-encoded, resized, brightened or trimmed.

A picture is taken as a function on the unit square, constant on each pixel, and developed into its cosine series

    c(u, v) = ∫∫ f(x, y) cos(πux) cos(πvy) dx dy,

integrated exactly, so that the coefficients belong to the picture and not to its resolution. The frequencies are
sorted by u + v. The hash has one bit for each of the first 64 (without the constant): 1 where the coefficient is above
the 32nd smallest of them, so that half of the bits are set. Brightness drops out with the constant and contrast with
the comparison. This is the DCT hash of Zauner (Implementation and Benchmarking of Perceptual Image Hash Functions,
2010) without its resampling to 32 x 32, and with a triangle of low frequencies instead of a square.

The next 64 frequencies give a second, fine hash in the same way. It changes more when a picture is trimmed, so it is no
key to search by; but pictures that only have their lights and shades in the same places differ in it, and so it
confirms what the first one finds. ``./winnow bench dedup`` measures both.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scraper.pixels import TURNS, Turn

BITS = 64
HIGHEST = 15
"""The highest frequency in either direction that the first 128 contain."""

FLAT = 0.5
"""Grey levels of 255: a picture without a coefficient this large is one even area, whose hash would be noise."""

Grey = NDArray[np.uint8]


def _frequencies() -> NDArray[np.intp]:
    """Indices into the flattened square of coefficients, the lowest frequencies first."""
    low = [(u + v, abs(u - v), u, v) for u in range(HIGHEST + 1) for v in range(HIGHEST + 1)]
    return np.array([u * (HIGHEST + 1) + v for _, _, u, v in sorted(low)[1 : 2 * BITS + 1]])


_LOWEST = _frequencies()
_SIGNS = np.array([(-1) ** frequency for frequency in range(HIGHEST + 1)], dtype=np.float32)


@lru_cache(maxsize=4096)
def _integrals(pixels: int, extent: float) -> NDArray[np.float32]:
    """Integrals of the cosines over each of ``pixels`` pixels, one row a frequency, on a side of ``extent`` pixels.

    The last pixel counts as far as the side reaches: decoders that shrink by 4 make 26 pixels of 101.
    """
    edges = np.minimum(np.arange(pixels + 1), extent) / extent
    frequency = np.arange(1, HIGHEST + 1)[:, None] * np.pi
    rows = np.vstack([edges, np.sin(frequency * edges) / frequency])
    return np.ascontiguousarray(np.diff(rows, axis=1), dtype=np.float32)


def perceptual_hash(grey: Grey) -> int | None:
    """The hash of a grey picture (rows x columns); ``None`` when it is one even area."""
    both = perceptual_hashes(grey)
    return None if both is None else both[0]


def perceptual_hashes(
    grey: Grey, height: float | None = None, width: float | None = None, turn: Turn = TURNS[1]
) -> tuple[int, int] | None:
    """The hash and the fine hash of a grey picture (rows x columns); ``None`` when it is one even area.

    ``height`` and ``width`` are the picture's real size in these pixels where a reduction has rounded it up. ``turn``
    turns the picture upright: a cosine that runs backwards is the same cosine, with a minus when its frequency is odd.
    """
    down = _integrals(grey.shape[0], height or grey.shape[0])
    across = _integrals(grey.shape[1], width or grey.shape[1])
    series = down @ grey.astype(np.float32) @ across.T
    if turn.transposed:
        series = series.T
    if turn.rows_back:
        series = series * _SIGNS[:, None]
    if turn.columns_back:
        series = series * _SIGNS
    coefficients = series.ravel()[_LOWEST]
    if max(coefficients[:BITS].max(), -coefficients[:BITS].min()) < FLAT:
        return None
    return _bits(coefficients[:BITS]), _bits(coefficients[BITS:])


def _bits(coefficients: NDArray[np.float32]) -> int:
    middle = np.partition(coefficients, BITS // 2 - 1)[BITS // 2 - 1]
    return int.from_bytes(np.packbits(coefficients > middle).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Hamming distance: in how many of the 64 bits two hashes differ."""
    return (one ^ other).bit_count()


def to_hex(value: int) -> str:
    """A hash as 16 hexadecimal digits."""
    return f"{value:016x}"


def from_hex(text: str) -> int:
    """The hash that :func:`to_hex` wrote; raises ``ValueError`` for anything else."""
    if len(text) != BITS // 4:
        raise ValueError(f"A hash has {BITS // 4} hexadecimal digits, not {len(text)}.")
    return int(text, 16)
