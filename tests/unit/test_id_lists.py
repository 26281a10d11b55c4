"""Lists of images: text, CSV and JSONL name the same images; what cannot be read is said line by line."""

import json

import pytest

from active_learning.domain.errors import InputError
from api.operations import id_lists

ID = "0A" * 32
NAMES = [ID.lower(), "a, b.png", "größe/1.png"]


def texts(data: bytes) -> list[str]:
    return [line.text for line in id_lists.read(data).lines]


def test_text_csv_and_jsonl_name_the_same_images() -> None:
    plain = f"# night\n{ID}\n\n  a, b.png \r\ngröße/1.png\n"
    table = f'score,Image\n1,{ID}\n2,"a, b.png"\n\n3,größe/1.png\n'
    semicolons = f"name;x\n{ID};1\na, b.png;2\ngröße/1.png;3\n"
    tabs = f"file_name\tx\n{ID}\t1\na, b.png\t2\ngröße/1.png\t3\n"
    lines = "\n".join([json.dumps({"id": ID, "x": 1}), json.dumps("a, b.png"), "", json.dumps({"path": "größe/1.png"})])
    for text in (plain, table, semicolons, tabs, lines):
        for encoding in ("utf-8", "utf-8-sig"):
            assert texts(text.encode(encoding)) == NAMES
    assert [line.number for line in id_lists.read(plain.encode()).lines] == [2, 4, 5]
    assert [line.is_id for line in id_lists.read(plain.encode()).lines] == [True, False, False]


def test_lines_that_cannot_be_read_are_said_and_the_rest_counts() -> None:
    lines = b'{"image": "1.png"}\n{"imag": "2.png"}\nnot json\n{"image": "  "}\n[1]\n"3.png"\n'
    listed = id_lists.read(lines)
    assert [line.text for line in listed.lines] == ["1.png", "3.png"]
    assert [line.number for line, _ in listed.unreadable] == [2, 3, 4, 5]
    table = id_lists.read(b"image,x\n1.png,1\n,2\n")
    assert [(line.number, why) for line, why in table.unreadable] == [(3, "its column image is empty")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "names no image"),
        (b"# only\n\n", "names no image"),
        (b"\xff\xfe1\x00", "UTF-8"),
        (b"a\x00b", "not a text file"),
        (b"x\n" * (id_lists.LINES + 1), "more than 20,000 lines"),
    ],
)
def test_what_is_no_list_is_one_error(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        id_lists.read(data)


def test_deep_json_and_a_table_that_breaks_off_end_nothing() -> None:
    deep = b'{"image": "1.png"}\n' + b"[" * 100_000
    assert texts(deep) == ["1.png"]
    assert len(id_lists.read(deep).unreadable[0][0].text) <= 200
    huge = b"image\n1.png\n" + b'"' + b"x" * 200_000 + b'"\n'
    assert id_lists.read(huge).unreadable
