"""Originals without what they say of their makers: where a photo was taken, by whom, with which camera.

The pixels are not encoded again: only whole segments or chunks are left out. What viewers need stays: orientation,
colour profile and colour coding.
"""

import struct
import zlib
from collections.abc import Iterator

from active_learning.domain.errors import ImageRefused
from scraper import jpeg

# Chunks that say how to show a PNG (W3C, Portable Network Graphics, third edition): no texts, times or EXIF.
_PNG_SHOWN = frozenset(
    (b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT").split()
)
_PNG_START = b"\x89PNG\r\n\x1a\n"
_WEBP_SHOWN = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_HAS_EXIF, _WEBP_HAS_XMP = 0x08, 0x04


def without_location(data: bytes) -> bytes:
    """The same picture without GPS position and other metadata, for JPEG, PNG and WebP.

    Everything behind the end of the picture goes too: second pictures, videos. Raises ImageRefused: unsupported_format
    for bytes of other formats, truncated for those that end too early.
    """
    if data.startswith(jpeg.START):
        return _jpeg(data)
    if data.startswith(_PNG_START):
        return _png(data)
    if data.startswith(b"RIFF") and data.startswith(b"WEBP", 8):
        return _webp(data)
    raise ImageRefused("unsupported_format", "Only JPEG, PNG and WebP are served as they came.", "Serve a rendition.")


def _jpeg(data: bytes) -> bytes:
    kept = [data[:2]]
    coded = 0  # where the coded data since the last segment begin; 0 before the first scan
    orientation = 1
    for marker, start, end in jpeg.segments(data):
        if coded:
            kept.append(data[coded:start])
        if marker == jpeg.APP1 and data.startswith(jpeg.EXIF, start + 4) and orientation == 1:
            orientation = jpeg.exif_orientation(data[start + 4 + len(jpeg.EXIF) : end])
        if _shown(data, marker, start):
            kept.append(data[start:end])
        coded = end if coded or marker == jpeg.SOS else 0
        if marker == jpeg.EOI:
            break
    else:
        raise _truncated()
    if orientation != 1:
        exif = jpeg.EXIF + jpeg.exif_with_orientation(orientation)
        kept.insert(1, struct.pack(">BBH", 0xFF, jpeg.APP1, 2 + len(exif)) + exif)
    return b"".join(kept)


def _shown(data: bytes, marker: int, start: int) -> bool:
    """Whether a segment is for showing the picture: all but comments and applications' own, of which three are."""
    if marker == jpeg.COM:
        return False
    if jpeg.APP0 <= marker <= jpeg.APP0 + 15:
        needed = {jpeg.APP0: b"JFIF\0", jpeg.APP2: b"ICC_PROFILE\0", jpeg.APP14: b"Adobe"}.get(marker)
        return needed is not None and data.startswith(needed, start + 4)
    return True


def _png(data: bytes) -> bytes:
    kept = [data[: len(_PNG_START)]]
    for kind, start, end in _png_chunks(data):
        if kind == b"eXIf":
            orientation = jpeg.exif_orientation(data[start + 8 : end - 4])
            if orientation != 1:
                kept.append(_png_chunk(kind, jpeg.exif_with_orientation(orientation)))
        elif kind in _PNG_SHOWN:
            kept.append(data[start:end])
        if kind == b"IEND":
            return b"".join(kept)
    raise _truncated()


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(_PNG_START)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            return
        yield data[at + 4 : at + 8], at, end
        at = end


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _webp(data: bytes) -> bytes:
    """RIFF chunks; one of odd length is followed by a byte that does not count."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise _truncated()
    kept: list[bytes] = []
    exif = b""
    at = 12
    while at + 8 <= size + 8:
        kind, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        end = at + 8 + length + length % 2
        if kind == b"EXIF":
            body = data[at + 8 : at + 8 + length]
            orientation = jpeg.exif_orientation(body.removeprefix(jpeg.EXIF))
            exif = jpeg.exif_with_orientation(orientation) if orientation != 1 else b""
        elif kind in _WEBP_SHOWN:
            kept.append(data[at:end])
        at = end
    if kept and kept[0].startswith(b"VP8X"):
        flags = kept[0][8] & ~(_WEBP_HAS_EXIF | _WEBP_HAS_XMP) | (_WEBP_HAS_EXIF if exif else 0)
        kept[0] = kept[0][:8] + bytes([flags]) + kept[0][9:]
        if exif:
            kept.append(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _truncated() -> ImageRefused:
    return ImageRefused("truncated", "The image is damaged or cut off.", "Copy or download it again.")
