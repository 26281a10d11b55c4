"""Pictures that cost what photos cost: 1024x768 JPEGs of 100 to 200 KB, the same ones in every run."""

import hashlib
import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from api.operations.intake import NewImage

WIDTH, HEIGHT = 1024, 768
SCENES = 12
QUALITY = 85
ROUGHNESS = 1.5
"""Amplitude falls with spatial frequency to this power: natural scenes have about 1 to 1.5."""


def scene(seed: int) -> np.ndarray:
    """Colour noise with the spectrum of a natural scene: smooth areas, edges of all sizes, little colour."""
    rng = np.random.default_rng(seed)
    across, down = np.fft.rfftfreq(WIDTH), np.fft.fftfreq(HEIGHT)
    radius = np.hypot(across[None, :], down[:, None])
    radius[0, 0] = 1.0
    layers = []
    for share in (1.0, 0.25, 0.2):
        phases = rng.normal(size=(2, *radius.shape))
        layer = np.fft.irfft2((phases[0] + 1j * phases[1]) / radius**ROUGHNESS, s=(HEIGHT, WIDTH))
        layers.append(share * layer / layer.std())
    light, warm, green = layers
    pixels = np.stack([light + warm, light + green, light - warm], axis=-1)
    return np.clip(128 + 52 * pixels, 0, 255).astype(np.uint8)


def photos(count: int, seed: int = 0) -> Iterator[bytes]:
    """``count`` different JPEGs: scenes, each shifted and mirrored, because drawing a new one takes longer."""
    rng = np.random.default_rng(seed)
    scenes = [scene(seed * SCENES + number) for number in range(min(count, SCENES))]
    for number in range(count):
        pixels = np.roll(scenes[number % SCENES], (int(rng.integers(HEIGHT)), int(rng.integers(WIDTH))), axis=(0, 1))
        if rng.integers(2):
            pixels = pixels[:, ::-1]
        out = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(out, format="JPEG", quality=QUALITY)
        yield out.getvalue()


def new_photos(count: int, seed: int = 0) -> list[NewImage]:
    """The same, inspected and on their way into a pool."""
    return [
        NewImage(hashlib.sha256(data).hexdigest(), data, "JPEG", WIDTH, HEIGHT, f"photo {number}.jpg", "bench")
        for number, data in enumerate(photos(count, seed))
    ]
