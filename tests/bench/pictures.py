"""Many different JPEGs of 20 to 60 KB, as web pages show them: pieces of scenes with the spectrum of natural ones."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.photos import HEIGHT, SCENES, WIDTH, scene

SIDES = (288, 512)
SIZES = (20_000, 60_000)
QUALITIES = (95, 90, 85, 80, 97, 99)


def write_pictures(folder: Path, count: int, seed: int = 0) -> None:
    """Write ``0.jpg``, ``1.jpg``, ...: the same ones in every run."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    scenes = [scene(number) for number in range(2 * SCENES)]
    for number in range(count):
        high, wide = (int(side) for side in rng.integers(*SIDES, size=2))
        top, left = int(rng.integers(HEIGHT - high)), int(rng.integers(WIDTH - wide))
        piece = scenes[number % len(scenes)][top : top + high, left : left + wide]
        piece = np.rot90(piece, int(rng.integers(4)))[:, :: 1 if rng.integers(2) else -1]
        (folder / f"{number}.jpg").write_bytes(_encoded(np.ascontiguousarray(piece)))


def _encoded(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    """The JPEG of the first quality whose size fits."""
    data = b""
    for quality in QUALITIES:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=quality)
        data = out.getvalue()
        if SIZES[0] <= len(data) <= SIZES[1]:
            break
    return data
