"""Lists of URLs, in every form that people keep them in."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from active_learning.domain.errors import InputError
from scraper.sources import lists
from scraper.sources.lists import UrlList
from tests.scraper.collecting import assert_resumes, collect, collect_until, images

MANY = 1_234
ROWS = [
    {"image_url": f"https://example.org/{n}.jpg", "caption": f'Car, "no. {n}"\nred', "license": "CC BY-SA 4.0"}
    for n in range(MANY)
]


def write_txt(path: Path) -> None:
    path.write_text("# cars\r\n\r\n" + "".join(f"{row['image_url']}\r\n" for row in ROWS))


def write_csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(ROWS)


def write_tsv(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(ROWS)


def write_jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps(row) for row in ROWS))


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=100)


WRITERS: dict[str, Callable[[Path], None]] = {
    "cars.txt": write_txt,
    "cars.csv": write_csv,
    "cars.tsv": write_tsv,
    "cars.jsonl": write_jsonl,
    "cars.parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("packed", [False, True])
async def test_every_url_in_order_and_from_every_cursor_on(tmp_path: Path, name: str, packed: bool) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    if packed and name != "cars.parquet":
        plain, path = path, tmp_path / f"{name}.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
    pages = await assert_resumes(UrlList(path))
    assert [found.url for found in images(pages)] == [row["image_url"] for row in ROWS]
    assert [len(page.images) for page in pages] == [500, 500, 234]
    assert pages[0].total == (MANY if name == "cars.parquet" else None)
    found = images(pages)[7]
    assert found.read is None and found.name == "7.jpg"
    if name != "cars.txt":
        assert found.provenance.title == 'Car, "no. 7" red'
        assert found.provenance.licence == "by-sa"
        assert found.provenance.attribution == '"Car, "no. 7" red", author not named, licensed under ' + (
            "CC BY-SA (https://creativecommons.org/licenses/by-sa/4.0/)"
        )


async def test_all_columns_that_are_known_become_provenance(tmp_path: Path) -> None:
    path = tmp_path / "open-images.csv"
    path.write_text(
        "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title\n"
        "ab12,train,https://example.org/1.jpg,https://example.org/page,"
        "https://creativecommons.org/licenses/by/2.0/,https://example.org/ann,Ann,A car\n"
        "cd34,train,https://example.org/2.jpg,javascript:alert(1),who knows,ftp://x,,\n"
    )
    first, second = images(await collect(UrlList(path)))
    assert first.url == "https://example.org/1.jpg"
    assert first.provenance.source_id == "ab12"
    assert first.provenance.page == "https://example.org/page"
    assert first.provenance.author_url == "https://example.org/ann"
    assert first.provenance.licence == "by"
    assert first.provenance.licence_url == "https://creativecommons.org/licenses/by/2.0/"
    assert first.provenance.attribution.startswith('"A car" by Ann, https://example.org/page, licensed under CC BY 2.0')
    assert (second.provenance.page, second.provenance.licence, second.provenance.author_url) == ("", "", "")


async def test_the_column_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("url,large,name\nhttps://example.org/s.jpg,https://example.org/l.jpg,../../x.jpg\n")
    (found,) = images(await collect(UrlList(path, column="large")))
    assert (found.url, found.name) == ("https://example.org/l.jpg", "x.jpg")
    _, said = await collect_until(UrlList(path, column="huge"), InputError)
    assert "'huge'" in said and "url, large, name" in said


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "title,author\nx,y\n", "Its columns: title, author"),
        ("a.csv", "", "Its columns: none"),
        ("a.jsonl", '{"title": "x"}\n', "Its columns: title"),
        ("a.xlsx", "x", "no list"),
        ("a.txt", "https://example.org/1.jpg\n\0\0", "UTF-8"),
        ("a.txt", "https://example.org/1.jpg".encode("utf-16"), "UTF-8"),
        ("a.parquet", "PAR1 and then nothing", "Parquet"),
        ("a.parquet", "no parquet", "Parquet"),
        ("a.csv.gz", gzip.compress(b"url\n" + b"https://example.org/1.jpg\n" * 9, mtime=0)[:-12], "to its end"),
    ],
)
async def test_a_wrong_file_is_refused_in_words(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    _, said = await collect_until(UrlList(path), InputError)
    assert words in said


async def test_a_missing_file_and_a_parquet_file_without_urls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        await collect(UrlList(tmp_path / "gone.txt"))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"label": [1], "picture": ["https://example.org/1.jpg"]}), path)
    with pytest.raises(InputError, match="Its columns: label, picture"):
        await collect(UrlList(path))
    (found,) = images(await collect(UrlList(path, column="picture")))
    assert found.url == "https://example.org/1.jpg"


async def test_bad_lines_are_found_under_an_address_that_says_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    deep = "[" * 100_000
    path.write_text(
        f'{{"url": "https://example.org/1.jpg"}}\n{{"url": \n"https://example.org/2.jpg"\n[1]\n{deep}\n{{}}\n'
    )
    found = [one.url for one in images(await collect(UrlList(path)))]
    assert found == [
        "https://example.org/1.jpg",
        "a.jsonl, line 2",
        "https://example.org/2.jpg",
        "a.jsonl, line 4",
        "a.jsonl, line 5",
        "a.jsonl, line 6",
    ]
    path = tmp_path / "a.csv"
    path.write_bytes(b"title,url\nx\ny,https://example.org/caf\xe9.jpg\n\nz,not a URL\n")
    found = [one.url for one in images(await collect(UrlList(path)))]
    assert found == [
        "a.csv, line 2",
        "https://example.org/caf?.jpg".replace("?", "\N{REPLACEMENT CHARACTER}"),
        "not a URL",
    ]


async def test_a_quotation_mark_that_never_ends_costs_a_part_of_the_list_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    good = [f"https://example.org/{n}.jpg" for n in range(6_000)]
    path.write_text("\n".join(["url", *good[:3], '"oops', *good[3:]]))
    found = [one.url for one in images(await collect(UrlList(path)))]
    assert found[:3] == good[:3] and found[3].startswith("a.csv, line")
    assert len(found) > 1_000 and found[4:] == good[-len(found) + 4 :]


async def test_a_line_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LONGEST_LINE", 9_000)
    path = tmp_path / "a.txt"
    path.write_text("https://example.org/1.jpg\n" + "x" * 20_000 + "\nhttps://example.org/2.jpg")
    found = [one.url for one in images(await assert_resumes(UrlList(path)))]
    assert found == ["https://example.org/1.jpg", "x" * 8_000, "https://example.org/2.jpg"]
