"""What the scraper's examination finds out, lets in and refuses; in particular that no cut file passes."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from active_learning.domain.errors import ImageRefused
from active_learning.domain.intake import HASHED_SIDE, IntakePolicy
from scraper import jpeg
from scraper.hashes import distance
from scraper.inspect import FORMATS, MOST_SCANS, Limits, examine, facts_of, inspect
from scraper.outcomes import Outcome
from tests.bench import real
from tests.scraper.drawn import drawn, encoded


def reason(data: bytes, limits: Limits | None = None, **policy: object) -> str:
    with pytest.raises(ImageRefused) as refused:
        examine(data, IntakePolicy(**policy), limits or Limits())  # type: ignore[arg-type]
    assert refused.value.message
    assert refused.value.hint
    return Outcome(refused.value.reason).value


@pytest.mark.parametrize("kind", FORMATS)
def test_it_says_what_inspect_says(kind: str) -> None:
    data = encoded(drawn(1), kind)
    examined = examine(data)
    assert examined.facts == inspect(data) == facts_of(data)
    assert examined.facts.sha256 == hashlib.sha256(data).hexdigest()
    assert examined.phash is not None
    assert 0 <= examined.phash < 2**64


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "BMP"])
def test_every_way_of_decoding_gives_nearly_the_same_hash(kind: str) -> None:
    for seed in range(4):
        pixels = drawn(seed, 600, 421)
        one, other = examine(encoded(pixels, "PNG")).phash, examine(encoded(pixels, kind)).phash
        assert one is not None
        assert other is not None
        assert distance(one, other) <= 2


def test_the_same_picture_in_other_modes() -> None:
    picture = Image.fromarray(drawn(3, 400, 300))
    first = examine(encoded(picture, "PNG")).phash
    assert first is not None
    clear = picture.copy()
    clear.putalpha(255)
    deep = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    for data in (
        encoded(picture.convert("CMYK")),
        encoded(picture.convert("L")),
        encoded(picture, progressive=True),
        encoded(clear, "PNG"),
        encoded(deep, "PNG"),
        encoded(picture.quantize(200), "PNG"),
    ):
        other = examine(data).phash
        assert other is not None
        assert distance(first, other) <= 6


@pytest.mark.parametrize("turned", range(2, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_held_sideways_has_the_hash_of_the_upright_one(turned: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = turned
    lying = encoded(drawn(5, 301, 225), kind, exif=exif)
    from_camera = Image.open(io.BytesIO(lying))
    # what people see, saved anew
    seen = encoded(np.asarray(_upright(from_camera)), kind)
    one, other = examine(lying).phash, examine(seen).phash
    assert one is not None
    assert other is not None
    assert distance(one, other) <= 2
    assert distance(one, examine(encoded(drawn(5, 301, 225), kind)).phash or 0) > 10


def _upright(image: Image.Image) -> Image.Image:
    steps = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_270],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_90],
    }
    for step in steps[image.getexif()[0x0112]]:
        image = image.transpose(step)
    return image


def test_small_and_even_pictures_have_no_hash() -> None:
    assert examine(encoded(drawn(1, HASHED_SIDE, HASHED_SIDE))).phash is not None
    assert examine(encoded(drawn(1, HASHED_SIDE - 1, 200))).phash is None
    assert examine(encoded(Image.new("RGB", (300, 200), "white"))).phash is None


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"restart_marker_blocks": 3}], ids=str)
def test_no_jpeg_cut_anywhere_passes(how: dict[str, object]) -> None:
    pictures = [encoded(drawn(2, 200, 150), **how)]
    pictures += [encoded(Image.open(io.BytesIO(data)), **how) for data in real.photos(every=300)]
    for data in pictures:
        examine(data)
        cuts = {*range(3, len(data), max(1, len(data) // 60)), *range(len(data) - 8, len(data))}
        for cut in cuts:
            for tail in (b"", b"\0" * 500, b"<html>error</html>"):
                assert reason(data[:cut] + tail) == "truncated", (cut, len(data))


def test_no_real_jpeg_cut_and_closed_passes() -> None:
    """A server that ends a broken picture properly: pixels are missing all the same."""
    for data in real.photos(every=100) or [encoded(drawn(seed)) for seed in range(4)]:
        start = jpeg.header(data)
        assert start is not None
        for cut in range(start.coded + 10, len(data) - 10, len(data) // 20):
            assert reason(data[:cut] + b"\xff\xd9") == "truncated"


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_no_other_file_cut_in_half_passes(kind: str) -> None:
    data = encoded(drawn(2), kind)
    assert reason(data[: len(data) // 2]) == "truncated"


def test_bytes_behind_the_end_do_no_harm() -> None:
    data = encoded(drawn(2))
    assert examine(data + b"\0" * 300).phash == examine(data).phash
    assert examine(data + encoded(drawn(3))).phash == examine(data).phash


def test_the_filters_of_the_policy() -> None:
    data = encoded(drawn(1, 320, 240))
    assert reason(data, min_side=241) == "too_small"
    assert reason(data, max_side=319) == "too_many_pixels"
    assert reason(data, max_aspect=1.3) == "wrong_shape"
    assert reason(data, min_sharpness=1e6) == "too_blurred"
    assert reason(data, Limits(max_pixels=320 * 240 - 1)) == "too_many_pixels"
    assert reason(data, Limits(max_bytes=1000)) == "too_big"
    examine(data, IntakePolicy(min_side=240, max_side=320, max_aspect=1.34, min_sharpness=1.0))


def test_filters_are_judged_before_anything_is_decoded() -> None:
    data = encoded(drawn(1, 320, 240))
    for policy in ({"min_side": 241}, {"max_aspect": 1.3}):
        assert reason(data[:-200], **policy) != "truncated"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_blur_lowers_sharpness_at_every_size(kind: str) -> None:
    picture = Image.fromarray(drawn(1, 960, 720))
    for size in (960, 480, 300):
        scaled = picture.resize((size, size * 3 // 4))
        blurred = scaled.filter(ImageFilter.GaussianBlur(size / 100))
        sharp, soft = (examine(encoded(one, kind)).sharpness for one in (scaled, blurred))
        assert soft < sharp / 3


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by -->\n<!DOCTYPE svg PUBLIC "a" [<!ENTITY n "x">]>\n<svg >',
         "unsupported_format"),
        (b"<?xml version='1.0'?><svg:svg >", "unsupported_format"),
        (b"<!doctype html><html><body><svg></svg></body></html>", "not_an_image"),
        (b"<!---->" * 500 + b"<html>", "not_an_image"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 2000, "truncated"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "unsupported_format"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_named(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_animations_are_refused() -> None:
    frames = [Image.fromarray(drawn(seed, 80, 80)) for seed in range(2)]
    for kind in ("GIF", "PNG", "WEBP"):
        assert reason(encoded(frames[0], kind, save_all=True, append_images=frames[1:])) == "animated"


def test_a_jpeg_of_countless_scans_is_refused_unread() -> None:
    """Each scan costs the decoder the whole picture, so a few kilobytes could take minutes."""
    data = encoded(Image.new("L", (64, 64)), progressive=True)
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    assert reason(data[:-2] + scan * MOST_SCANS + b"\xff\xd9") == "not_an_image"
    with pytest.raises(ImageRefused):
        inspect(data[:-2] + scan * MOST_SCANS + b"\xff\xd9")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(7)
    pictures = [encoded(drawn(1, 60, 40), kind) for kind in FORMATS] + [encoded(drawn(1, 60, 40), progressive=True)]
    ended = set()
    for _ in range(600):
        data = bytearray(pictures[rng.integers(len(pictures))])
        for place in rng.integers(0, min(len(data), 400), 3):
            data[place] = rng.integers(256)
        try:
            examine(bytes(data))
            ended.add("let in")
        except ImageRefused as refused:
            ended.add(Outcome(refused.reason).value)
    assert {"let in", "truncated"} <= ended
