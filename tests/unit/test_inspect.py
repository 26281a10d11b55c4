"""What inspect accepts, and the reason it gives for everything else."""

import hashlib
import io
import resource
import struct
import zlib

import pytest
from PIL import Image

from active_learning.domain.errors import ImageRefused
from scraper.inspect import FORMATS, Limits, inspect


def picture(file_format: str = "PNG", size: tuple[int, int] = (32, 24), **options: object) -> bytes:
    out = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.save(out, format=file_format, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int) -> bytes:
    """A valid PNG of side x side black pixels, made without holding them: 1 bit each, rows deflated in one stream."""
    deflate = zlib.compressobj(9)
    row = b"\0" * (1 + side // 8)
    rows = b"".join([*(deflate.compress(row) for _ in range(side)), deflate.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def reason(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(ImageRefused) as refused:
        inspect(data, limits or Limits())
    assert refused.value.message
    assert refused.value.hint
    return refused.value.reason


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_accepted_format_gives_its_facts(file_format: str) -> None:
    data = picture(file_format)
    facts = inspect(data)
    assert (facts.format, facts.width, facts.height, facts.bytes) == (file_format, 32, 24, len(data))
    assert facts.sha256 == hashlib.sha256(data).hexdigest()


def test_a_phones_two_picture_jpeg_counts_as_jpeg() -> None:
    data = picture("MPO", save_all=True, append_images=[Image.new("RGB", (32, 24))])
    assert inspect(data).format == "JPEG"


@pytest.mark.parametrize("file_format", FORMATS)
def test_half_a_file_is_truncated(file_format: str) -> None:
    data = picture(file_format, size=(300, 200))
    assert reason(data[: len(data) // 2]) == "truncated"


def test_a_jpeg_cut_anywhere_is_refused_or_whole() -> None:
    data = picture("JPEG", size=(200, 200))
    reasons = {reason(data[:cut]) for cut in range(4, len(data) - 50, 97)}
    assert reasons == {"truncated"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"These are words, whatever the name of the file says.\n", "not_an_image"),
        (b"\0" * 4096, "not_an_image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_format"),
        (b"%PDF-1.7\n", "unsupported_format"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not_an_image"),
    ],
)
def test_other_bytes_are_named(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.parametrize("file_format", ["PPM", "ICO"])
def test_formats_that_are_not_accepted(file_format: str) -> None:
    assert reason(picture(file_format)) == "unsupported_format"


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_several_pictures_in_one_file_are_refused(file_format: str) -> None:
    second = Image.new("RGB", (32, 24), "red")
    assert reason(picture(file_format, save_all=True, append_images=[second])) == "animated"


def test_sizes_are_limited_on_both_sides() -> None:
    assert reason(picture(size=(7, 30))) == "too_small"
    assert reason(picture(size=(30, 30)), Limits(max_pixels=899)) == "too_many_pixels"
    assert reason(picture(), Limits(max_bytes=50)) == "too_big"
    assert inspect(picture(size=(30, 30)), Limits(max_pixels=900, min_side=30)).width == 30


@pytest.mark.parametrize("side", [10_000, 12_000, 20_000])
def test_a_decompression_bomb_is_refused_from_its_header(side: int) -> None:
    bomb = png_bomb(side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason(bomb) == "too_many_pixels"
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 4 * 1024, "the pixels (12 to 400 MB) must never be decoded"
