"""Pictures as a page wants them: smaller, upright, in one format, and never the same bytes for two people.

Everybody gets WebP, whatever the original was: an image's format, metadata or unusual encoder would otherwise tell
where it came from. ``seal`` adds a few random bytes that decoders skip, so that files of two assignments cannot be
matched by their hashes or sizes.
"""

import io
import struct
from hashlib import shake_256

from PIL import Image, ImageCms, ImageDraw, ImageOps

SIZES = (160, 320, 640, 1280)
"""Longest sides in pixels, smallest first. An image is never enlarged."""

LARGEST = 4096
"""Longest side at "full" resolution: what browsers decode on a phone without running out of memory."""

LOSSLESS_SIDE = 128
"""Pictures up to this are kept exactly: a lossy format would smear what few pixels there are, and saves nothing."""

QUALITY = 82
FULL_QUALITY = 90


def keys(image: str) -> list[str]:
    """The keys under which the pictures of an image are stored, in every size."""
    return [key(image, size) for size in SIZES]


def key(image: str, size: int) -> str:
    """The key of the picture of one size."""
    return f"{image}:{size}"


def rung(longest: int, size: int) -> int:
    """The size of ``SIZES`` that an image with this longest side is kept in when ``size`` is asked for."""
    enough = next((step for step in SIZES if step >= longest), SIZES[-1])
    return min(size, enough)


def render(data: bytes, size: int) -> bytes:
    """The picture with a longest side of at most ``size`` pixels, as WebP. The same arguments give the same bytes."""
    picture = _upright(data, size)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _webp(picture, QUALITY)


def removed(size: int) -> bytes:
    """What stands in the place of an image that was taken down: a grey picture, crossed out."""
    picture = Image.new("RGB", (size, size * 3 // 4), (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    for start, end in (((0, 0), picture.size), ((0, picture.height), (picture.width, 0))):
        draw.line((start, end), fill=(96, 96, 96), width=max(1, size // 80))
    return _webp(picture, QUALITY)


def full(data: bytes) -> bytes:
    """The picture as it is, up to ``LARGEST`` pixels a side: WebP for small ones, JPEG where WebP would take long."""
    picture = _upright(data, LARGEST)
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if max(picture.size) <= SIZES[-1]:
        return _webp(picture, FULL_QUALITY)
    out = io.BytesIO()
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    flat.save(out, "JPEG", quality=FULL_QUALITY)
    return out.getvalue()


def seal(picture: bytes, secret: bytes) -> bytes:
    """The same picture in other bytes: 16 to 79 of them, which follow from ``secret``, where decoders do not look.

    Takes what ``render`` and ``full`` make.
    """
    salt = shake_256(secret).digest(80)
    filling = salt[: 16 + salt[-1] % 64]
    if picture.startswith(b"RIFF"):
        # A chunk of an unknown type; chunks have even lengths. https://developers.google.com/speed/webp/docs/riff_container
        chunk = b"SALT" + struct.pack("<I", len(filling)) + filling + b"\0" * (len(filling) % 2)
        return b"RIFF" + struct.pack("<I", len(picture) - 8 + len(chunk)) + picture[8:] + chunk
    # JPEG: a comment segment right after the start of the image. Its length counts itself.
    return picture[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(filling)) + filling + picture[2:]


def _upright(data: bytes, size: int) -> Image.Image:
    """Decode as RGB or RGBA in sRGB, turned as the camera says."""
    opened: Image.Image = Image.open(io.BytesIO(data))
    # JPEG decoders shrink by powers of two on the way: much faster, and still larger than what is wanted.
    opened.draft("RGB", (2 * size, 2 * size))
    profile = opened.info.get("icc_profile")
    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I;16"):
        # Through "I": Pillow computes with 16 bits in the machine's own byte order only.
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    clear = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    picture = _in_srgb(picture, profile).convert("RGBA" if clear else "RGB")
    picture.info.clear()
    return picture


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return picture  # a broken profile: what everybody else shows is the picture without it
    return converted if converted is not None else picture


def _webp(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    if max(picture.size) <= LOSSLESS_SIDE:
        picture.save(out, "WEBP", lossless=True, quality=60, method=2)
    else:
        picture.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()
