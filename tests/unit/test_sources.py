"""Where images come from: a folder, and the digits that come with scikit-learn."""

import hashlib
import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from active_learning.domain.errors import InputError
from scraper.inspect import inspect
from scraper.sources.digits import digits
from scraper.sources.folder import find


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def paths(folder: Path) -> list[str]:
    return [found.path for found in find(folder)]


def test_images_are_found_in_the_order_of_their_relative_paths(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/2.JPG", "a/1.jpeg", "a-1.png", "a/deep/er/x.webp", "z.TIF", "notes.txt", "labels.csv")
    found = paths(tmp_path)
    assert found == sorted(found)
    assert found == ["a-1.png", "a/1.jpeg", "a/2.JPG", "a/deep/er/x.webp", "b.png", "z.TIF"]
    assert all(item.absolute == tmp_path / item.path for item in find(tmp_path))


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    touch(tmp_path, ".hidden.png", ".git/x.png", "__MACOSX/._x.png", "seen.png")
    assert paths(tmp_path) == ["seen.png"]


def test_links_are_followed_once_and_circles_end(tmp_path: Path) -> None:
    touch(tmp_path, "pool/a.png", "pool/sub/b.png", "elsewhere/c.png")
    pool = tmp_path / "pool"
    (pool / "sub" / "circle").symlink_to(pool)
    (pool / "linked").symlink_to(tmp_path / "elsewhere")
    (pool / "twice").symlink_to(tmp_path / "elsewhere")
    (pool / "nowhere.png").symlink_to(tmp_path / "missing.png")
    assert paths(pool) == ["a.png", "linked/c.png", "sub/b.png"]


def test_a_missing_folder_a_file_and_an_empty_folder_are_refused_at_the_call(tmp_path: Path) -> None:
    touch(tmp_path, "one.png", "empty/readme.txt")
    for folder, words in (("gone", "no folder"), ("one.png", "not a folder"), ("empty", "no image files")):
        with pytest.raises(InputError, match=words) as refused:
            find(tmp_path / folder)
        assert refused.value.hint


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"x")
    with pytest.raises(InputError, match="UTF-8"):
        list(find(tmp_path))


def test_digits_are_the_real_ones_readable_and_the_same_at_every_call() -> None:
    found = list(digits())
    assert len(found) == 1797
    assert [item.name for item in found[:2]] == ["digits/0000.png", "digits/0001.png"]
    assert Counter(item.digit for item in found)[3] == 183
    assert {(facts.format, facts.width, facts.height) for facts in (inspect(item.png) for item in found)} == {
        ("PNG", 32, 32)
    }
    assert [item.png for item in digits()] == [item.png for item in found]


def test_a_digits_pixels_are_the_originals_stretched_to_eight_bits() -> None:
    item = list(digits())[1796]
    pixels = np.asarray(Image.open(io.BytesIO(item.png)))[::4, ::4]
    original = load_digits().images[1796]
    assert pixels.max() == 255
    assert np.array_equal(np.rint(pixels / (255 / 16)), original)


def test_no_digit_occurs_twice() -> None:
    assert len({hashlib.sha256(item.png).digest() for item in digits()}) == 1797
