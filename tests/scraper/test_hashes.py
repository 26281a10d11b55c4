"""The perceptual hash: its formula, and what it does not depend on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scraper.hashes import distance, from_hex, perceptual_hash, perceptual_hashes, to_hex
from tests.scraper.drawn import drawn


def grey(seed: int, width: int = 320, height: int = 240) -> np.ndarray:
    return np.asarray(Image.fromarray(drawn(seed, width, height)).convert("L"))


def hashed(picture: np.ndarray) -> int:
    found = perceptual_hash(picture)
    assert found is not None
    return found


def test_it_is_the_sign_of_the_cosine_series_about_its_middle() -> None:
    """The integrals, summed the slow way at 16 points a pixel."""
    picture = grey(3, 40, 30).astype(float)
    fine = picture.repeat(16, 0).repeat(16, 1)
    down, across = ((np.arange(n) + 0.5) / n for n in fine.shape)
    low = sorted((u + v, abs(u - v), u, v) for u in range(16) for v in range(16))[1:129]
    series = [(np.cos(np.pi * u * down) @ fine @ np.cos(np.pi * v * across)) / fine.size for _, _, u, v in low]
    both = perceptual_hashes(picture.astype(np.uint8))
    assert both is not None
    assert both[0] == hashed(picture.astype(np.uint8))
    for found, part in zip(both, (series[:64], series[64:]), strict=True):
        middle = sorted(part)[31]
        assert f"{found:064b}" == "".join("01"[int(c > middle)] for c in part)


def test_half_of_the_bits_are_set() -> None:
    assert {hashed(grey(seed)).bit_count() for seed in range(10)} == {32}


@pytest.mark.parametrize("factor", [0.4, 0.73, 1.5, 2.0])
def test_resolution_does_not_matter(factor: float) -> None:
    for seed in range(10):
        whole = Image.fromarray(grey(seed))
        scaled = whole.resize((round(320 * factor), round(240 * factor)), Image.Resampling.LANCZOS)
        assert distance(hashed(np.asarray(whole)), hashed(np.asarray(scaled))) <= 2


def test_light_and_contrast_do_not_matter() -> None:
    for seed in range(10):
        picture = grey(seed)
        softer = (picture * 0.5 + 40).astype(np.uint8)
        assert distance(hashed(picture), hashed(softer)) <= 2


def test_different_pictures_are_far_apart() -> None:
    hashes = [hashed(grey(seed, 160, 120)) for seed in range(60)]
    apart = [distance(one, other) for place, one in enumerate(hashes) for other in hashes[:place]]
    assert min(apart) > 10
    assert np.mean(apart) == pytest.approx(32, abs=2)


def test_the_real_size_counts_where_the_last_pixel_is_a_part() -> None:
    """A reduction by 4 of 101 columns gives 26, the last of which stands for one."""
    for seed in range(5):
        picture = Image.fromarray(grey(seed, 501, 301))
        reduced = np.asarray(picture.reduce(4))
        found = perceptual_hashes(reduced, 301 / 4, 501 / 4)
        assert found is not None
        assert distance(found[0], hashed(np.asarray(picture))) <= 2


def test_an_even_area_has_none() -> None:
    assert perceptual_hash(np.full((50, 60), 255, np.uint8)) is None
    assert perceptual_hash(np.zeros((50, 60), np.uint8)) is None


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_distance_and_hex(one: int, other: int) -> None:
    assert distance(one, other) == sum(a != b for a, b in zip(f"{one:064b}", f"{other:064b}", strict=True))
    assert from_hex(to_hex(one)) == one
    assert len(to_hex(one)) == 16


@pytest.mark.parametrize("text", ["", "12", "g" * 16, "0" * 17])
def test_other_text_is_no_hash(text: str) -> None:
    with pytest.raises(ValueError, match=r"hexadecimal|invalid literal"):
        from_hex(text)
