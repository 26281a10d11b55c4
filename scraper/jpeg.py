"""The marker segments of a JPEG file (ITU-T T.81, annex B), read without decoding a pixel."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

START = b"\xff\xd8\xff"
"""How every JPEG file begins."""

SOS, EOI = 0xDA, 0xD9
APP0, APP1, APP2, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, the restarts, SOI."""

# In coded data 0xFF is stuffed with 0x00, or part of a restart marker; whatever else follows makes it a marker.
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")

EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Header:
    """What the segments before the coded data say.

    ``process`` is the frame's marker (0xC0 and 0xC1 sequential, 0xC2 progressive), ``bits`` the bits a sample,
    ``orientation`` EXIF's number (1: as it is), ``coded`` where the coded data of the first scan begin.
    """

    width: int
    height: int
    process: int
    bits: int
    components: int
    orientation: int
    coded: int


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each segment from the start of the image to its end, both SOS and EOI included.

    ``data[start:end]`` begins with the two bytes of the marker; the coded data that follow an SOS belong to no segment.
    Stops without an EOI where the bytes end or make no sense.
    """
    at, size = 2, len(data)
    while at + 2 <= size:
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == EOI:
            yield marker, at, at + 2
            return
        if marker in _BARE:
            at += 2
            continue
        if at + 4 > size:
            return
        end = at + 2 + (data[at + 2] << 8 | data[at + 3])
        if end > size or end < at + 4:
            return
        yield marker, at, end
        at = end
        if marker == SOS:
            following = _NEXT_MARKER.search(data, end)
            if following is None:
                return
            at = following.end() - 2


def header(data: bytes) -> Header | None:
    """Read up to the first scan; ``None`` when there is no complete header."""
    frame: tuple[int, int, int, int, int] | None = None
    orientation = 1
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            if end < start + 10:
                return None
            frame = (marker, *struct.unpack_from(">BHHB", data, start + 4))
        elif marker == APP1 and data.startswith(EXIF, start + 4):
            orientation = exif_orientation(data[start + 4 + len(EXIF) : end])
        elif marker == SOS:
            if frame is None:
                return None
            process, bits, height, width, components = frame
            return Header(width, height, process, bits, components, orientation, end)
    return None


def scans(data: bytes, first: int) -> int:
    """Count the scans of a file whose first one's coded data begin at ``first``, without walking more than that."""
    end = data.find(b"\xff\xd9", first)
    return 1 + data.count(b"\xff\xda", first, end if end >= 0 else len(data))


def exif_orientation(tiff: bytes) -> int:
    """EXIF's orientation (1 to 8) out of its TIFF structure; 1 where it says nothing or nothing sensible."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, at)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def exif_with_orientation(orientation: int) -> bytes:
    """The smallest TIFF structure that says the orientation and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
