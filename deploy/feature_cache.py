"""Features of a folder of images, computed once: kept as a file whose name follows from everything they depend on."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_learning import vision
from active_learning.domain.errors import ImageRefused, InputError

FIT_SAMPLE = 2_000
AT_ONCE = 512

Read = Callable[[], bytes]
Progress = Callable[[int, int], None]


def features(images: Mapping[str, Read], backbone: str, folder: Path, progress: Progress) -> Path:
    """Return the file of the features [N, D] of images by name, in their order; made where it is not there yet.

    The key is the SHA-256 of names and bytes, of the backbone's name and of the code that embeds: another image or
    another version is another file.

    Raises:
        InputError: an image cannot be decoded, or there is no such backbone.
    """
    digest = hashlib.sha256(f"{backbone}\0{_code()}".encode())
    for name, read in images.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(read()).digest())
    file = folder / f"features-{digest.hexdigest()[:20]}.npy"
    if file.is_file():
        return file
    computed = _computed(images, backbone, progress)
    folder.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        np.save(out, computed)
    part.rename(file)
    return file


def _computed(images: Mapping[str, Read], backbone: str, progress: Progress) -> NDArray[np.float32]:
    names = list(images)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(names), size=min(len(names), FIT_SAMPLE), replace=False))
    sample = [images[names[index]]() for index in chosen.tolist()]
    try:
        state = vision.fit_backbone(backbone, sample, 0)
        parts = []
        for start in range(0, len(names), AT_ONCE):
            parts.append(vision.embed(backbone, state, [images[name]() for name in names[start : start + AT_ONCE]]))
            progress(min(start + AT_ONCE, len(names)), len(names))
    except ImageRefused as error:
        raise InputError(f"{_culprit(images)}: {error.message}", "Replace or remove the file.") from error
    return np.concatenate(parts)


def _culprit(images: Mapping[str, Read]) -> str:
    """The first image that cannot be decoded."""
    for name, read in images.items():
        data = read()
        try:
            vision.fit_backbone("hog", [data, data], 0)
        except ImageRefused:
            return name
    return "An image"


def _code() -> str:
    """What the code of the vision package is, in hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(Path(vision.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
