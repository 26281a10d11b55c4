"""LSUN's form: size, quality, turning, transparency, colours; and that the original is what came."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from active_learning.domain.errors import ImageRefused
from scraper.forms import shape
from scraper.inspect import FORMATS, examine, facts_of, inspect
from tests.scraper.drawn import drawn, encoded, opened


def lsun(data: bytes) -> bytes:
    return shape(data, inspect(data), "lsun")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of grey levels."""
    return float(np.abs(np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)).mean())


def test_the_original_is_the_bytes_that_came() -> None:
    data = encoded(drawn(1))
    assert shape(data, inspect(data), "original") is data


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((320, 240), (320, 240)), ((600, 400), (384, 256)), ((400, 601), (256, 385)), ((1400, 1100), (326, 256)),
     ((256, 256), (256, 256)), ((257, 300), (256, 299)), ((101, 90), (101, 90))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_shorter_side_becomes_256_and_nothing_is_enlarged(
    size: tuple[int, int], wanted: tuple[int, int], kind: str
) -> None:
    data = encoded(drawn(1, *size), kind)
    made = opened(lsun(data))
    assert (made.format, made.size) == ("JPEG", wanted)
    whole = opened(data).resize(wanted, Image.Resampling.BILINEAR)
    assert difference(made, opened(encoded(whole, quality=75))) < 4
    assert facts_of(lsun(data)) == inspect(lsun(data))


def test_the_quality_is_75_with_half_the_colour() -> None:
    made, plain = opened(lsun(encoded(drawn(1)))), opened(encoded(drawn(1), quality=75))
    assert made.quantization == plain.quantization  # type: ignore[attr-defined]
    assert [part[1:3] for part in made.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]


def test_equal_bytes_give_equal_bytes() -> None:
    for size in ((600, 500), (9, 301), (601, 401), (300, 257)):
        data = encoded(drawn(1, *size))
        assert len({lsun(data) for _ in range(8)}) == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_what_people_see(mode: str) -> None:
    picture = Image.fromarray(drawn(4, 300, 280))
    if mode == "I;16":
        made_of = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
        seen = picture.convert("L")
    else:
        made_of = picture.quantize(200) if mode == "P" else picture.convert(mode, dither=Image.Dither.NONE)
        seen = made_of.convert("RGB")
    data = encoded(made_of, "TIFF" if mode == "CMYK" else "PNG")
    made = opened(lsun(data))
    assert made.size == (274, 256)
    assert difference(made, seen.resize(made.size, Image.Resampling.BILINEAR)) < 6


def test_a_cmyk_jpeg_has_its_colours() -> None:
    picture = Image.fromarray(drawn(4, 300, 280)).convert("CMYK")
    made = opened(lsun(encoded(picture)))
    assert difference(made, opened(encoded(picture)).convert("RGB").resize(made.size, Image.Resampling.BILINEAR)) < 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_becomes_white(kind: str) -> None:
    picture = Image.fromarray(drawn(1)).convert("RGBA")
    picture.paste((10, 20, 30, 0), (0, 0, 160, 240))
    made = np.asarray(opened(lsun(encoded(picture, kind))))
    assert made[:, :150].min() > 245
    assert made[:, 170:].mean() < 200


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (400, 300)), ("JPEG", (1300, 1100)), ("PNG", (400, 300))])
def test_the_camera_is_turned_upright(kind: str, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    for turned in range(2, 9):
        exif[0x0112] = turned
        data = encoded(drawn(6, *size), kind, exif=exif)
        made = opened(lsun(data))
        assert (made.width < made.height) is (turned >= 5)
        assert not made.getexif()
        one, other = examine(data).phash, examine(lsun(data)).phash
        assert one is not None
        assert other is not None
        assert (one ^ other).bit_count() <= 2


def test_another_colour_space_becomes_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(drawn(1), icc_profile=profile)
    made = opened(lsun(data))
    assert "icc_profile" not in made.info
    assert difference(made, opened(data)) < 4
    assert opened(lsun(encoded(drawn(1), icc_profile=b"no profile"))).size == (320, 240)


def test_a_swapped_colour_space_is_undone() -> None:
    """A profile whose red and blue primaries have changed places: taken for sRGB, skies would be red."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ", 1)
    data = encoded(drawn(1)[:, :, ::-1], icc_profile=swapped, subsampling=0)
    assert difference(opened(lsun(data)), Image.fromarray(drawn(1))) < 5


@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_is_accepted_gets_the_form(kind: str) -> None:
    for size in ((9, 3_000), (300, 300), (1_030, 520)):
        made = opened(lsun(encoded(Image.new("RGB", size, "teal"), kind)))
        assert min(made.size) == min(256, *size)
        assert np.abs(np.asarray(made).astype(int) - [0, 128, 128]).max() <= 4


def test_damaged_pixels_are_refused() -> None:
    data = encoded(drawn(1), "PNG")
    with pytest.raises(ImageRefused) as refused:
        shape(data[:2000], inspect(data), "lsun")
    assert refused.value.reason == "truncated"


def test_a_phones_two_picture_jpeg_shows_its_first() -> None:
    data = encoded(Image.fromarray(drawn(1)), "MPO", save_all=True, append_images=[Image.new("RGB", (320, 240))])
    assert difference(opened(lsun(data)), Image.open(io.BytesIO(data))) < 6
