"""What a label file says of one image."""

import re
from typing import NamedTuple

SHA256 = re.compile(r"[0-9a-f]{64}")
UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""


class Said(NamedTuple):
    """``image`` is a sha256, a file name or a path as the file writes it, ``words`` what it says of it, ``where`` the
    place in the file."""

    image: str
    words: tuple[str, ...]
    where: str


def sha256_in(image: str) -> str | None:
    """The sha256 that an image is named by, alone or as the name of a file."""
    stem = image.replace("\\", "/").rpartition("/")[2].partition(".")[0].lower()
    return stem if SHA256.fullmatch(stem) else None


def names_of(image: str) -> tuple[str, ...]:
    """The names under which an image may have come in, the likeliest first.

    The path as it is written, without what an address has around it, and then the file's name alone.
    """
    path = image.strip().replace("\\", "/")
    if "?d=" in path:  # Label Studio's files of the same machine
        path = path.partition("?d=")[2]
    path = re.sub(r"^[a-z0-9]+://[^/]*/", "", path.partition("?")[0])
    while path.startswith("./"):
        path = path[2:]
    path = path.lstrip("/")
    base = path.rpartition("/")[2]
    return tuple(dict.fromkeys((path, base, UPLOADED.sub("", base))))
