"""MNIST from its original files: 28 x 28 grey digits."""

import gzip
from pathlib import Path

import numpy as np

from active_learning.domain.errors import InputError

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"


def read(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Part "train" or "t10k" -> uint8 images [N, 28, 28] and digits [N]. Raises InputError where the data is absent."""
    found = []
    for kind, offset in (("images-idx3", 16), ("labels-idx1", 8)):
        path = FOLDER / f"{part}-{kind}-ubyte.gz"
        if not path.is_file():
            raise InputError(f"MNIST is not at {FOLDER}.", "Put its four original .gz files there.")
        found.append(np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8, offset=offset))
    images, digits = found
    return images.reshape(-1, 28, 28), digits
