"""Real photos for tests and benchmarks, beside the checkout: none of them is part of the project."""

import tarfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ARCHIVES = (DATA / "hotdog" / "hotdog.tar", DATA / "labelme" / "labelme_400.tar")
"""250 photos with a longer side of 224 pixels and 400 of 256 x 256, all JPEG."""


def photos(every: int = 1) -> list[bytes]:
    """The bytes of every so many of them, in the same order on every machine; empty where the data are absent."""
    found = []
    for path in ARCHIVES:
        if path.is_file():
            with tarfile.open(path) as archive:
                names = sorted(name for name in archive.getnames() if name.endswith(".jpg"))
                for name in names[::every]:
                    member = archive.extractfile(name)
                    if member is not None:
                        found.append(member.read())
    return found
