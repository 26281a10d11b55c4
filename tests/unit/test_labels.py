"""Label files: what is read, and the one line that says what is wrong."""

from pathlib import Path

import pytest

from active_learning.domain.errors import LabelFileError
from scraper.labels import read_labels


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "labels.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refusal(file: Path, known: list[str] | None = None) -> str:
    with pytest.raises(LabelFileError) as refused:
        read_labels(file, known)
    assert refused.value.hint
    assert "\n" not in str(refused.value)
    return refused.value.message


def test_all_six_words_in_any_case(tmp_path: Path) -> None:
    file = write(tmp_path, "path,label\na,yes\nb,No\nc,1\nd,0\ne,TRUE\nf, false \n")
    assert list(read_labels(file).items()) == [
        ("a", True),
        ("b", False),
        ("c", True),
        ("d", False),
        ("e", True),
        ("f", False),
    ]


def test_what_spreadsheets_write(tmp_path: Path) -> None:
    text = '\ufeffLabel,note,PATH\r\nyes,"a, b",.\\cars\\1.jpg\r\n\r\nno,,./cars/2.jpg\r\nyes,again,cars/1.jpg\r\n'
    assert read_labels(write(tmp_path, text), ["cars/1.jpg", "cars/2.jpg"]) == {"cars/1.jpg": True, "cars/2.jpg": False}


def test_a_wrong_word_is_named_with_its_line(tmp_path: Path) -> None:
    assert "line 3: the label 'maybe'" in refusal(write(tmp_path, "path,label\na,yes\nb,maybe\n"))
    assert "line 2: the label ''" in refusal(write(tmp_path, "path,label\na,\n"))


def test_a_path_labeled_both_ways_is_named_with_both_lines(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "path,label\na,yes\nb,no\n./a,no\n"))
    assert "a is labeled both yes and no (lines 2 and 4)" in message


def test_unknown_paths_are_counted_and_the_first_five_shown(tmp_path: Path) -> None:
    lines = "".join(f"{name},no\n" for name in "abcdefgh")
    message = refusal(write(tmp_path, f"path,label\n{lines}"), ["a", "z"])
    assert "7 of 8 images" in message
    assert "b, c, d, e, f and 2 more" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column path and no column label"),
        ("file,label\na,yes\n", "no column path"),
        ("path;label\na;yes\n", "no column path and no column label"),
        ("path,label\n", "holds no labels"),
        ("path,label\na\n", "line 2: the line is too short"),
        (b"path,label\ncaf\xe9.png,yes\n", "not UTF-8"),
        ('path,label\n"a,yes\n', "not CSV"),
    ],
)
def test_files_that_are_no_label_files(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in refusal(write(tmp_path, text))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert "There is no label file" in refusal(tmp_path / "gone.csv")
    assert "cannot be read" in refusal(tmp_path)
