"""Photo-like JPEGs from seeds: different seeds look different, the same seed gives the same bytes."""

import io

import numpy as np
from PIL import Image


def photo(seed: int, width: int = 160, height: int = 120, quality: int = 85) -> bytes:
    """Smooth colour noise: what perceptual hashes tell apart."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, size=(6, 8, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    pixels += rng.integers(-12, 13, size=pixels.shape, dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
    return out.getvalue()
