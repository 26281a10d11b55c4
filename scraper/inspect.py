"""Bytes in, facts out: the one place that decides whether bytes are an acceptable image.

:func:`inspect` says what an image is. :func:`examine` is for the scraper: it also gives what tells near-duplicates and
blurred pictures, passes the filters of a category, and is several times faster for JPEGs, because decoding them at a
reduced scale shows whether they are whole as well as decoding every pixel does.
"""

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from active_learning.domain.errors import ImageRefused
from active_learning.domain.intake import HASHED_SIDE, IntakePolicy
from active_learning.domain.value import Value
from scraper import jpeg
from scraper.hashes import perceptual_hashes
from scraper.pixels import TURNS, Turn, orientation, plain

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
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"P4\n", "PBM"),
    (0, b"P5\n", "PGM"),
    (0, b"P6\n", "PPM"),
)

# An SVG file begins so, after declarations, document types and comments; a page that shows one begins with <html>.
# The groups are atomic: a thousand comments must not cost a thousand to the power of anything.
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:(?><\?[^>]*>|<!--.*?-->|<!doctype\s+svg[^>\[]*(?:\[[^\]]*\]\s*)?>)\s*)*+<(?:\w+:)?svg[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_SVG_STARTS_WITHIN = 4096

# What the decoder complains of when pixels are missing or wrong, as opposed to what only breaks the letter of T.81.
_DAMAGE = ("remature end", "bad Huffman code")

_USUAL = (0xC0, 0xC1, 0xC2)
"""Baseline, extended sequential and progressive: the processes that everybody decodes."""

MOST_SCANS = 100
"""A progressive JPEG has about ten scans. Each costs the time of the whole picture, and an empty one only 20 bytes."""

SCALE = 128
"""Pixels: the shorter side is halved while it keeps at least so many. There hash and sharpness are measured."""


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
DEFAULT_POLICY = IntakePolicy()


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that the scraper wants to know of one image.

    ``phash`` is its perceptual hash and ``fine`` the one that confirms it (:mod:`scraper.hashes`); both are ``None``
    where hashes tell nothing (a side below ``HASHED_SIDE``, or one even area): it is never a near-duplicate.
    ``sharpness`` is the variance of the Laplacian of the grey picture,
    halved until its shorter side has 128 to 255 pixels, so that one threshold suits photos of all sizes.
    """

    facts: ImageFacts
    phash: int | None
    fine: int | None
    sharpness: float


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> ImageFacts:
    """Return the facts of an image, having decoded it whole.

    Raises ImageRefused with one of the reasons empty, too_big, unsupported_format, not_an_image, too_many_pixels,
    too_small, animated, truncated. The sizes are judged from the header, so a decompression bomb is never decoded.
    """
    _check_bytes(data, limits)
    with _open(data, limits) as image:
        _check_size(image.width, image.height, limits)
        _check_single(image)
        _decode(image)
        return _facts(data, _format(image), image.width, image.height)


def examine(data: bytes, policy: IntakePolicy = DEFAULT_POLICY, limits: Limits = DEFAULT_LIMITS) -> Examined:
    """Return all that is to be known of an image that passes the limits and the filters of the policy.

    Raises ImageRefused with the reasons of :func:`inspect` and wrong_shape or too_blurred. Sizes and shape are judged
    from the header. Licences, near-duplicates and the form are not decided here.
    """
    _check_bytes(data, limits)
    look = _look_at_jpeg(data, policy, limits) if data.startswith(jpeg.START) else None
    look = look or _look_at_any(data, policy, limits)
    facts = look.facts
    measured = sharpness(look.grey)
    if measured < policy.min_sharpness:
        raise ImageRefused(
            "too_blurred",
            f"The sharpness is {measured:.1f}; at least {policy.min_sharpness:g} is wanted.",
            "Use a sharper image.",
        )
    hashes: tuple[int | None, int | None] | None = None
    if min(facts.width, facts.height) >= HASHED_SIDE:
        hashes = perceptual_hashes(look.grey, facts.height / look.scale, facts.width / look.scale, look.turn)
    phash, fine = hashes or (None, None)
    return Examined(facts, phash, fine, measured)


def facts_of(data: bytes) -> ImageFacts:
    """The facts of a picture that Winnow has just made itself: read from its header, and not decoded again."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return _facts(data, _format(image), image.width, image.height)


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian over every fourth row: as many pixels as it takes. 0 below 3 x 3 pixels."""
    if min(grey.shape) < 3:
        return 0.0
    above, here, below = (grey[row:end:4].astype(np.int16) for row, end in ((0, -2), (1, -1), (2, None)))
    laplacian = here[:, 1:-1] * 4
    laplacian -= here[:, :-2]
    laplacian -= here[:, 2:]
    laplacian -= above[:, 1:-1]
    laplacian -= below[:, 1:-1]
    values = laplacian.astype(np.float32).ravel()
    return max(0.0, float(values @ values) / values.size - (float(values.sum()) / values.size) ** 2)


@dataclass(frozen=True, slots=True)
class _Look:
    """The grey picture as it lies in the file, ``scale`` times smaller, and how to turn it upright."""

    facts: ImageFacts
    grey: NDArray[np.uint8]
    scale: int
    turn: Turn


def _look_at_jpeg(data: bytes, policy: IntakePolicy, limits: Limits) -> _Look | None:
    """The quick way; ``None`` where Pillow has to say what is the matter: CMYK, a broken header, unusual coding."""
    header = jpeg.header(data)
    if header is None or header.components not in (1, 3) or header.bits != 8 or header.process not in _USUAL:
        return None
    _check_size(header.width, header.height, limits)
    _check_policy(header.width, header.height, policy)
    _check_scans(data, header)
    scale = _scale(header.width, header.height)
    at_once = min(scale, 8)
    wanted = {"min_height": -(-header.height // at_once), "min_width": -(-header.width // at_once)}
    try:
        grey = simplejpeg.decode_jpeg(data, "GRAY", **wanted, strict=True)[:, :, 0]
    except ValueError as error:
        if any(words in str(error) for words in _DAMAGE):
            raise _truncated() from error
        return None
    if scale > at_once:
        grey = np.asarray(Image.fromarray(grey).reduce(scale // at_once))
    return _Look(_facts(data, "JPEG", header.width, header.height), grey, scale, TURNS[header.orientation])


def _look_at_any(data: bytes, policy: IntakePolicy, limits: Limits) -> _Look:
    with _open(data, limits) as image:
        _check_size(image.width, image.height, limits)
        _check_policy(image.width, image.height, policy)
        _check_single(image)
        _decode(image)
        facts = _facts(data, _format(image), image.width, image.height)
        scale = _scale(image.width, image.height)
        grey = plain(image).convert("L")
        return _Look(facts, np.asarray(grey.reduce(scale)), scale, TURNS[orientation(image)])


def _scale(width: int, height: int) -> int:
    """By which power of two a picture is reduced to where hash and sharpness are measured."""
    scale = 1
    while min(width, height) >= 2 * scale * SCALE:
        scale *= 2
    return scale


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _facts(data: bytes, kind: str, width: int, height: int) -> ImageFacts:
    digest = hashlib.sha256(data).hexdigest()
    return ImageFacts(sha256=digest, format=kind, width=width, height=height, bytes=len(data))


def _check_bytes(data: bytes, limits: Limits) -> None:
    if not data:
        raise ImageRefused("empty", "The file is empty.", "Copy or download it again.")
    if len(data) > limits.max_bytes:
        raise ImageRefused(
            "too_big",
            f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted.",
            "Save it smaller, as JPEG for example.",
        )


def _open(data: bytes, limits: Limits) -> Image.Image:
    """Read the header, or raise ImageRefused saying what the bytes are instead."""
    if data.startswith(jpeg.START) and (header := jpeg.header(data)) is not None:
        _check_scans(data, header)
    try:
        with warnings.catch_warnings():
            # our own limit is lower than the one that Pillow warns of
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,}", limits) from error
    except UnidentifiedImageError as error:
        _refuse_unidentified(data, error)
    except Exception as error:  # damage shows in many ways, a TypeError among them, and must not end a run
        raise _truncated() from error


def _refuse_unidentified(data: bytes, cause: Exception) -> NoReturn:
    name = next((name for offset, mark, name in _OTHER_FORMATS if data.startswith(mark, offset)), None)
    if name is None and _SVG.match(data[:_SVG_STARTS_WITHIN]):
        name = "SVG"
    if name is not None:
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
        raise _too_small(width, height, limits.min_side)


def _check_policy(width: int, height: int, policy: IntakePolicy) -> None:
    shorter, longer = sorted((width, height))
    if shorter < policy.min_side:
        raise _too_small(width, height, policy.min_side)
    if longer > policy.max_side:
        raise ImageRefused(
            "too_many_pixels",
            f"The image is {width:,} x {height:,} pixels; each side may have {policy.max_side:,}.",
            "Save it smaller.",
        )
    if longer > policy.max_aspect * shorter:
        raise ImageRefused(
            "wrong_shape",
            f"The image is {width:,} x {height:,}: more than {policy.max_aspect:g} times as long as wide.",
            "Cut out what matters.",
        )


def _check_scans(data: bytes, header: jpeg.Header) -> None:
    if header.process == 0xC2 and jpeg.scans(data, header.coded) > MOST_SCANS:
        raise ImageRefused(
            "not_an_image",
            f"The JPEG has more than {MOST_SCANS} scans: it was made to cost time.",
            "Save it anew.",
        )


def _check_single(image: Image.Image) -> None:
    # a phone's MPO is a JPEG with a second picture (depth, gain map) behind the one that everybody sees
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise ImageRefused("animated", "The file holds more than one picture.", "Save one frame or page of it.")


def _decode(image: Image.Image) -> None:
    """Decode every pixel: only that shows whether the file is whole."""
    try:
        image.load()
    except Exception as error:  # as in _open
        raise _truncated() from error


def _too_small(width: int, height: int, least: int) -> ImageRefused:
    return ImageRefused(
        "too_small",
        f"The image is {width} x {height} pixels; each side needs at least {least}.",
        "Use the original instead of a thumbnail.",
    )


def _too_many_pixels(found: str, limits: Limits) -> ImageRefused:
    return ImageRefused(
        "too_many_pixels",
        f"The image has too many pixels ({found}); at most {limits.max_pixels:,} are accepted.",
        "Save it smaller.",
    )


def _truncated() -> ImageRefused:
    return ImageRefused("truncated", "The image is damaged or cut off.", "Copy or download it again.")
