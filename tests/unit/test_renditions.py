"""Pictures for pages: sizes, formats, what is kept exactly, and that a seal changes bytes but no pixel."""

import io
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from active_learning.domain.errors import ImageRefused
from api import renditions
from api.renditions import SIZES
from scraper.inspect import FORMATS, inspect


def photo(width: int, height: int, **how: object) -> bytes:
    """A picture with gradients and an edge, as a file."""
    across, along = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([across, along, np.where(across > along, 200, 40)], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, **({"format": "JPEG", "quality": 90} | how))  # type: ignore[arg-type]
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(40, 30), (300, 200), (900, 1600)])
def test_no_side_is_longer_than_asked_and_nothing_is_enlarged(size: int, shape: tuple[int, int]) -> None:
    made = opened(renditions.render(photo(*shape), size))
    assert made.format == "WEBP"
    assert max(made.size) == min(size, max(shape))
    assert made.width / made.height == pytest.approx(shape[0] / shape[1], rel=0.02)


@given(longest=st.integers(1, 5_000), size=st.sampled_from(SIZES))
def test_a_rung_loses_nothing_that_the_size_would_show(longest: int, size: int) -> None:
    step = renditions.rung(longest, size)
    assert step in SIZES
    assert step <= size
    assert min(longest, step) == min(longest, size)


def test_small_pictures_are_kept_to_the_pixel() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    assert np.array_equal(np.asarray(opened(renditions.render(out.getvalue(), 640)).convert("RGB")), pixels)


MODES = (
    *("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"),
    *("I", "F", "I;16", "I;16B", "I;16L"),
)


@pytest.mark.filterwarnings("ignore:Saving I mode images")
@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_is_accepted_becomes_a_picture(kind: str) -> None:
    """One that did not would stop the task that it is in."""
    accepted = 0
    for mode, size in product(MODES, [(300, 200), (3_000, 9)]):
        out = io.BytesIO()
        try:
            Image.new(mode, size).save(out, kind)
            inspect(out.getvalue())
        except (OSError, ValueError, KeyError, ImageRefused):
            continue  # no such file can be made, or it is refused at the door
        accepted += 1
        for made in (renditions.render(out.getvalue(), 160), renditions.full(out.getvalue())):
            assert opened(made).mode in ("RGB", "RGBA")
    assert accepted >= 6


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF")])
def test_sixteen_bits_are_not_burnt_out(mode: str, kind: str) -> None:
    out = io.BytesIO()
    pixels = np.full((50, 50), 0x8000, dtype=">u2" if mode == "I;16B" else "<u2")
    Image.frombytes(mode, (50, 50), pixels.tobytes()).save(out, kind)
    assert opened(renditions.render(out.getvalue(), 160)).convert("L").getpixel((5, 5)) == 128


def test_the_camera_is_turned_upright_and_nothing_of_its_file_remains() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    exif[0x010F] = "A telling maker"
    made = renditions.render(photo(200, 100, exif=exif), 640)
    assert opened(made).size == (100, 200)
    assert b"telling" not in made
    assert not opened(made).getexif()


def test_another_colour_space_becomes_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    made = opened(renditions.render(photo(200, 100, icc_profile=lab.tobytes()), 160))
    assert "icc_profile" not in made.info
    assert opened(renditions.render(photo(200, 100, icc_profile=b"not a profile"), 160)).size == (160, 80)


def test_full_resolution_is_the_original_resolution() -> None:
    assert opened(renditions.full(photo(900, 600))).size == (900, 600)
    large = opened(renditions.full(photo(3_000, 1_000)))
    assert (large.format, large.size) == ("JPEG", (3_000, 1_000))
    assert max(opened(renditions.full(photo(5_000, 50))).size) == renditions.LARGEST


@given(first=st.binary(min_size=1, max_size=40), second=st.binary(min_size=1, max_size=40))
def test_a_seal_changes_the_bytes_and_no_pixel(first: bytes, second: bytes) -> None:
    for plain in (SMALL, LARGE):
        one, two = renditions.seal(plain, first), renditions.seal(plain, second)
        assert one == renditions.seal(plain, first)
        assert (one == two) is (first == second)
        assert 16 <= len(one) - len(plain) < 100
        assert opened(one).tobytes() == opened(plain).tobytes()


SMALL, LARGE = renditions.render(photo(60, 40), 160), renditions.full(photo(2_000, 10))
