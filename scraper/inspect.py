"""Bytes in, facts out: the one place that decides whether bytes are an acceptable image."""

import hashlib
import io
import struct
import warnings
from typing import NoReturn

from PIL import Image, UnidentifiedImageError

from active_learning.domain.errors import ImageRefused
from active_learning.domain.value import Value

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

# The beginnings of files of the accepted formats: bytes that start so and do not open are damaged images.
_ACCEPTED_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")

# Image formats that are recognised only to say what they are: (offset, bytes there, name).
_OTHER_FORMATS = (
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"P4\n", "PBM"),
    (0, b"P5\n", "PGM"),
    (0, b"P6\n", "PPM"),
)


class Limits(Value):
    """What is accepted: at most ``max_bytes`` and ``max_pixels`` (width x height), at least ``min_side`` pixels a side.

    64 million pixels let today's 50-megapixel cameras pass and decode into less than 200 MB.
    """

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 64_000_000
    min_side: int = 8


class ImageFacts(Value):
    """What the bytes of an acceptable image say of themselves: ``sha256`` in hexadecimal, sizes in pixels and bytes."""

    sha256: str
    format: str
    width: int
    height: int
    bytes: int


DEFAULT_LIMITS = Limits()


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> ImageFacts:
    """Return the facts of an image, having decoded it whole.

    Raises ImageRefused with one of the reasons empty, too_big, unsupported_format, not_an_image, too_many_pixels,
    too_small, animated, truncated. The sizes are judged from the header, so a decompression bomb is never decoded.
    """
    if not data:
        raise ImageRefused("empty", "The file is empty.", "Copy or download it again.")
    if len(data) > limits.max_bytes:
        raise ImageRefused(
            "too_big",
            f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted.",
            "Save it smaller, as JPEG for example.",
        )
    with warnings.catch_warnings():
        # our own limit is lower than the one that Pillow warns of
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = _open(data, limits)
    with image:
        _check_size(image.width, image.height, limits)
        # a phone's MPO is a JPEG with a second picture (depth, gain map) behind the one that everybody sees
        if image.format != "MPO" and getattr(image, "is_animated", False):
            raise ImageRefused("animated", "The file holds more than one picture.", "Save one frame or page of it.")
        _decode(image)
        return ImageFacts(
            sha256=hashlib.sha256(data).hexdigest(),
            format="JPEG" if image.format == "MPO" else str(image.format),
            width=image.width,
            height=image.height,
            bytes=len(data),
        )


def _open(data: bytes, limits: Limits) -> Image.Image:
    """Read the header, or raise ImageRefused saying what the bytes are instead."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,}", limits) from error
    except UnidentifiedImageError as error:
        _refuse_unidentified(data, error)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise _truncated() from error


def _refuse_unidentified(data: bytes, cause: Exception) -> NoReturn:
    for offset, mark, name in _OTHER_FORMATS:
        if data.startswith(mark, offset):
            raise ImageRefused(
                "unsupported_format",
                f"This is a {name} file; {', '.join(FORMATS)} are accepted.",
                "Convert it to JPEG or PNG.",
            ) from cause
    if data.startswith(_ACCEPTED_STARTS) or (data.startswith(b"RIFF") and data.startswith(b"WEBP", 8)):
        raise _truncated() from cause
    raise ImageRefused("not_an_image", "The bytes are not an image.", "Remove the file from the folder.") from cause


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many_pixels(f"{width:,} x {height:,}", limits)
    if min(width, height) < limits.min_side:
        raise ImageRefused(
            "too_small",
            f"The image is {width} x {height} pixels; each side needs at least {limits.min_side}.",
            "Use the original instead of a thumbnail.",
        )


def _decode(image: Image.Image) -> None:
    """Decode every pixel: only that shows whether the file is whole."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error) as error:
        raise _truncated() from error


def _too_many_pixels(found: str, limits: Limits) -> ImageRefused:
    return ImageRefused(
        "too_many_pixels",
        f"The image has too many pixels ({found}); at most {limits.max_pixels:,} are accepted.",
        "Save it smaller.",
    )


def _truncated() -> ImageRefused:
    return ImageRefused("truncated", "The image is damaged or cut off.", "Copy or download it again.")
