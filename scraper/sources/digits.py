"""Scikit-learn's handwritten digits: 1,797 real images that are on every machine with Winnow, for demos and tests.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SCALE = 4


class Digit(NamedTuple):
    """One image: its name, such as ``digits/0001.png``, its PNG bytes, and the digit (0 to 9) that was written."""

    name: str
    png: bytes
    digit: int


def digits() -> Iterator[Digit]:
    """Return the 1,797 digits in scikit-learn's order, counted from 0; the same bytes at every call.

    The originals are 8 x 8 pixels with 17 grey levels (0 to 16). They are stretched to 0..255 and every pixel is
    repeated 4 x 4, to 32 x 32: a person has to see something, and repeating adds nothing that was not there.
    """
    data = load_digits()
    for number, (grey, digit) in enumerate(zip(data.images, data.target, strict=True)):
        yield Digit(f"digits/{number:04d}.png", _png(grey), int(digit))


def _png(grey: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bytes:
    pixels = np.rint(grey * (255 / 16)).astype(np.uint8)
    large = np.kron(pixels, np.ones((SCALE, SCALE), dtype=np.uint8))
    out = io.BytesIO()
    Image.fromarray(large).save(out, format="PNG")
    return out.getvalue()
