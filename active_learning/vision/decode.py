"""Encoded image bytes -> tensors."""

import io
import statistics
import struct
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageOps

from active_learning.domain.errors import ImageRefused

MAX_PIXELS = 50_000_000
GREY_TOLERANCE = 8  # of 255: JPEG's colour rounding on a grey picture stays below it


def open_image(data: bytes, mode: str, side: int) -> Image.Image:
    """Decode one image upright, in ``mode`` ("L" or "RGB"), no finer than needed for ``side`` pixels.

    Raises ImageRefused: ``too_large`` above 50 megapixels, ``undecodable`` for damaged or foreign bytes.
    """
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise ImageRefused("too_large", f"The image has {image.width} x {image.height} pixels.", "Scale it down.")
        # JPEG decoders can halve the size for free; twice the wanted side keeps the resampling clean.
        image.draft(mode, (2 * side, 2 * side))
        return ImageOps.exif_transpose(image).convert(mode)
    except Image.DecompressionBombError as error:
        raise ImageRefused("too_large", "The image unpacks to too many pixels.", "Scale it down.") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise ImageRefused("undecodable", f"The image cannot be decoded: {error}.", "Replace or remove it.") from error


def to_tensor(images: Sequence[bytes], side: int, grey: bool) -> torch.Tensor:
    """Images -> float32 [N, 1 or 3, side, side] in 0..1, squeezed to a square. Raises ImageRefused."""
    mode = "L" if grey else "RGB"
    pixels = np.empty((len(images), side, side, len(mode)), dtype=np.uint8)
    for row, data in enumerate(images):
        image = open_image(data, mode, side).resize((side, side), Image.Resampling.BILINEAR)
        pixels[row] = np.asarray(image).reshape(side, side, -1)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def median_side(images: Sequence[bytes]) -> int:
    """The median of the images' shorter sides, in pixels, read from their headers. Raises ImageRefused."""
    sides = []
    for data in images:
        try:
            with Image.open(io.BytesIO(data)) as image:
                sides.append(min(image.size))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ImageRefused("undecodable", f"The image cannot be read: {error}.", "Replace or remove it.") from error
    return int(statistics.median(sides))


def all_grey(pixels: torch.Tensor) -> bool:
    """Whether RGB images [N, 3, H, W] in 0..1 carry no colour."""
    spread = pixels.amax(dim=1) - pixels.amin(dim=1)
    return bool(spread.max() <= GREY_TOLERANCE / 255)
