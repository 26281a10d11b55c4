"""Pictures drawn from a seed: smooth areas and edges of all sizes, as photos have them."""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


@cache
def drawn(seed: int, width: int = 320, height: int = 240) -> Pixels:
    """Colour noise whose amplitude falls with the frequency."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.rfftfreq(width)[None, :], np.fft.fftfreq(height)[:, None])
    radius[0, 0] = 1.0
    layers = []
    for _ in range(3):
        phases = rng.normal(size=(2, *radius.shape))
        layer = np.fft.irfft2((phases[0] + 1j * phases[1]) / radius**1.5, s=(height, width))
        layers.append(layer / layer.std())
    light, one, two = layers
    pixels = np.stack([light + one / 3, light + two / 3, light - one / 3], axis=-1)
    found = np.clip(128 + 52 * pixels, 0, 255).astype(np.uint8)
    found.flags.writeable = False
    return found


def encoded(pixels: Pixels | Image.Image, kind: str = "JPEG", **how: object) -> bytes:
    """The file of some pixels."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 90} | how if kind in ("JPEG", "WEBP") else how))
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """The decoded picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
