"""How simulated people recognise a picture: by its pixels, as a person would, not by the file that it came in."""

import hashlib
import io
from collections.abc import Iterable

from PIL import Image


def sight(picture: bytes) -> str:
    """What somebody sees in an image file: sha256 of its size and pixels, in hexadecimal."""
    with Image.open(io.BytesIO(picture)) as image:
        seen = image.convert("RGB")
    return hashlib.sha256(b"%d %d " % seen.size + seen.tobytes()).hexdigest()


def eyes_from(pictures: Iterable[tuple[bytes, bool]]) -> dict[str, bool]:
    """What a crowd knows: sight -> the true answer. The files must be as the task page shows them (``SIZE``)."""
    return {sight(picture): truth for picture, truth in pictures}


SIZE = 640
"""The size in which simulated people look at images, in pixels of the longest side."""
