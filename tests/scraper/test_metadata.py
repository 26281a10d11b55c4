"""Nothing of where, when and by whom remains, every pixel does; and neither do pages' pictures tell it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from active_learning.domain.errors import ImageRefused
from api import renditions
from scraper.inspect import examine
from scraper.metadata import without_location
from tests.scraper.drawn import drawn, encoded, opened

SECRETS = (b"Berkeley", b"Ada's camera", b"gpslat", b"2026:11:28")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:gpslat>37,52N</exif:gpslat>Berkeley</x:xmpmeta>'
KINDS = ("JPEG", "PNG", "WEBP")


def exif(orientation: int = 1) -> Image.Exif:
    found = Image.Exif()
    found[0x010F] = "Ada's camera"
    found[0x9003] = "2026:11:28 10:00:00"
    found[0x0112] = orientation
    found.get_ifd(0x8825).update({1: "N", 2: (37.0, 52.0, 18.0), 3: "W", 4: (122.0, 15.0, 29.0), 27: b"GPS Berkeley"})
    return found


def photo(kind: str, orientation: int = 1, size: tuple[int, int] = (320, 240), **how: object) -> bytes:
    """A picture that tells everything, in every way that its format has."""
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Location", "Berkeley")
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        texts.add_text("Comment", "Berkeley " * 50, zip=True)
        how |= {"pnginfo": texts}
    else:
        how |= {"xmp": XMP}
    if kind == "JPEG":
        how |= {"comment": b"Berkeley"}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(drawn(1, *size), kind, exif=exif(orientation), icc_profile=profile, **how)


def tells(data: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in data]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_only_pixels_profile_and_orientation_remain(kind: str, orientation: int) -> None:
    data = photo(kind, orientation)
    assert tells(data)
    bare = without_location(data)
    assert tells(bare) == []
    before, after = opened(data), opened(bare)
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert after.info["icc_profile"] == before.info["icc_profile"]
    assert dict(after.getexif()) == ({} if orientation == 1 else {0x0112: orientation})
    assert not after.getexif().get_ifd(0x8825)
    assert examine(bare).phash == examine(data).phash
    assert without_location(bare) == bare


@pytest.mark.parametrize("how", [{"progressive": True}, {"restart_marker_blocks": 2}, {"optimize": True}], ids=str)
def test_every_coding_of_jpeg_survives(how: dict[str, object]) -> None:
    data = photo("JPEG", **how)
    bare = without_location(data)
    assert tells(bare) == []
    assert np.array_equal(np.asarray(opened(data)), np.asarray(opened(bare)))


def test_the_colour_coding_of_a_cmyk_jpeg_survives() -> None:
    data = encoded(Image.fromarray(drawn(1)).convert("CMYK"), exif=exif())
    bare = without_location(data)
    assert tells(bare) == []
    assert np.array_equal(np.asarray(opened(data)), np.asarray(opened(bare)))


def test_nothing_behind_the_picture_remains() -> None:
    """A phone's second picture has EXIF data of its own, and a motion photo a video."""
    first, second = Image.fromarray(drawn(1)), Image.fromarray(drawn(2))
    two = encoded(first, "MPO", save_all=True, append_images=[second], exif=exif())
    for data in (two, photo("JPEG") + b"ftypmp42 Berkeley", photo("PNG") + b"Berkeley", photo("WEBP") + b"Berkeley"):
        bare = without_location(data)
        assert tells(bare) == []
        assert np.array_equal(np.asarray(opened(data)), np.asarray(opened(bare)))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_and_transparency_survive(kind: str) -> None:
    frames = [Image.fromarray(drawn(seed, 64, 64)).convert("RGBA") for seed in range(3)]
    frames[0].putalpha(100)
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], exif=exif(), lossless=True)
    bare = without_location(data)
    assert tells(bare) == []
    one, other = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(bare))
    assert one.n_frames == other.n_frames == 3  # type: ignore[attr-defined]
    for number in range(3):
        one.seek(number)
        other.seek(number)
        assert np.array_equal(np.asarray(one.convert("RGBA")), np.asarray(other.convert("RGBA")))


@pytest.mark.parametrize("kind", KINDS)
def test_cut_files_are_refused_and_damaged_ones_at_most_refused(kind: str) -> None:
    data = photo(kind, size=(64, 48))
    for cut in range(12, len(data) - 1, len(data) // 50):
        with pytest.raises(ImageRefused):
            without_location(data[:cut])
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            damaged[place] = rng.integers(256)
        try:
            without_location(bytes(damaged))
        except ImageRefused as refused:
            assert refused.reason in ("truncated", "unsupported_format")


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP"])
def test_other_formats_are_not_let_through(kind: str) -> None:
    with pytest.raises(ImageRefused) as refused:
        without_location(encoded(drawn(1), kind))
    assert refused.value.reason == "unsupported_format"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(100, 80), (640, 480), (1600, 1200)])
def test_what_annotators_see_tells_nothing(kind: str, size: tuple[int, int]) -> None:
    """All sizes and full resolution, which beyond 1280 pixels is a JPEG."""
    data = photo(kind, orientation=6, size=size)
    for made in (*(renditions.render(data, step) for step in renditions.SIZES), renditions.full(data)):
        sealed = renditions.seal(made, b"somebody")
        assert tells(sealed) == []
        assert not opened(sealed).getexif()
        assert not {"xmp", "icc_profile", "comment", "exif"} & set(opened(sealed).info) - {"comment"}
        if sealed.startswith(b"RIFF"):
            assert chunks(sealed) <= {b"VP8 ", b"VP8L", b"SALT"}


def chunks(webp: bytes) -> set[bytes]:
    found, at = set(), 12
    while at < len(webp):
        (length,) = struct.unpack_from("<I", webp, at + 4)
        found.add(webp[at : at + 4])
        at += 8 + length + length % 2
    return found
