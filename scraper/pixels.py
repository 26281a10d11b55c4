"""Decoded pictures as a viewer shows them: upright, on white, 8 bits a sample."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ORIENTATION = 0x0112


class Turn(NamedTuple):
    """What turns a picture upright: rows and columns change places, and then each may run backwards."""

    transposed: bool
    rows_back: bool
    columns_back: bool


TURNS = {
    1: Turn(False, False, False),
    2: Turn(False, False, True),
    3: Turn(False, True, True),
    4: Turn(False, True, False),
    5: Turn(True, False, False),
    6: Turn(True, False, True),
    7: Turn(True, True, True),
    8: Turn(True, True, False),
}
"""EXIF's orientations."""


def upright(pixels: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """A view of the pixels (rows, columns, ...), turned."""
    if turn.transposed:
        pixels = pixels.swapaxes(0, 1)
    return pixels[:: -1 if turn.rows_back else 1, :: -1 if turn.columns_back else 1]


def orientation(image: Image.Image) -> int:
    """EXIF's orientation of an opened image; 1 where its EXIF data say nothing or are damaged."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a dozen kinds of damage raise a dozen kinds of error, and none of them is worth the picture
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def plain(image: Image.Image) -> Image.Image:
    """The same picture in mode L or RGB: palettes resolved, 16 bits cut to 8, what is transparent laid on white."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Through "I": Pillow computes with 16 bits in the machine's own byte order only.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        flat = Image.new("RGB", clear.size, "white")
        flat.paste(clear, mask=clear.getchannel("A"))
        return flat
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")
