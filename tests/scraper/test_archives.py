"""Archives: every form, what they say of their images, and those that were made to do harm."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from active_learning.domain.errors import InputError
from scraper.outcomes import Outcome, Refused
from scraper.sources import archives, at_hand
from scraper.sources.archives import Archive
from tests.scraper.collecting import assert_resumes, collect, collect_until, data, images

FILES = {f"cars/{number:03d}.jpg": b"%d" % number * 100 for number in range(25)}


def tar(files: Mapping[str, bytes], **arguments: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **arguments) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def zstandard(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "a.tar": bytes,
    "a.tar.gz": gzip.compress,
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
    "a.tar.zst": zstandard,
}


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 10)


@pytest.mark.parametrize("name", [*PACKERS, "a.zip", "no-suffix"])
async def test_all_images_page_by_page_and_from_every_cursor_on(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    others = {"readme.md": b"x", "cars/._001.jpg": b"x", "cars/movie.mp4": b"x"}
    path.write_bytes(zipped(others | FILES) if name == "a.zip" else PACKERS.get(name, bytes)(tar(others | FILES)))
    pages = await assert_resumes(Archive(path))
    assert {found.name: data(found) for found in images(pages)} == FILES
    assert [len(page.images) for page in pages] == [10, 10, 5]
    assert {page.total for page in pages} == ({25} if name == "a.zip" else {None})
    found = images(pages)[0]
    assert found.url.startswith(path.as_uri() + "#") and found.url.endswith("/cars/000.jpg")
    assert (found.provenance.source, found.provenance.source_id) == ("archive", "cars/000.jpg")


async def test_shards_say_where_their_images_are_from(tmp_path: Path) -> None:
    about = {
        "url": "https://example.org/1.jpg",
        "caption": "A red car",
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "author": "Ann",
        "exif": {"Make": "x"},
    }
    files = {
        "0001.json": json.dumps(about).encode(),
        "0001.jpg": b"1",
        "0002.left.png": b"2l",
        "0002.right.png": b"2r",
        "0002.txt": b" A green\ncar ",
        "0003.jpg": b"3",
        "0004.jpg": b"4",
        "0004.json": b'{"url": ',
    }
    path = tmp_path / "shard.tar"
    path.write_bytes(tar(files))
    found = {one.name: one.provenance for one in images(await collect(Archive(path)))}
    first = found["0001.jpg"]
    assert (first.title, first.page, first.author, first.licence) == ("A red car", about["url"], "Ann", "by")
    assert "Ann" in first.attribution
    assert found["0002.left.png"].title == found["0002.right.png"].title == "A green car"
    assert found["0003.jpg"].title == found["0004.jpg"].title == ""


async def test_images_of_one_sample_stay_together_over_pages(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(tar({f"{n:02d}.{part}.jpg": b"%d" % n for n in range(12) for part in "abc"}))
    pages = await assert_resumes(Archive(path))
    assert [len(page.images) for page in pages] == [12, 12, 12]


@pytest.mark.parametrize("path", ["shards", "shards/cars-{00..03}.tar", "shards/cars-{00,01,02,03}.tar"])
async def test_many_shards_one_after_another(tmp_path: Path, path: str) -> None:
    (tmp_path / "shards").mkdir()
    for shard in range(4):
        content = {f"{n}.jpg": b"%d-%d" % (shard, n) for n in range(7)}
        (tmp_path / "shards" / f"cars-{shard:02d}.tar").write_bytes(tar(content))
    pages = await assert_resumes(Archive(tmp_path / path))
    found = images(pages)
    assert [data(one) for one in found] == [b"%d-%d" % (shard, n) for shard in range(4) for n in range(7)]
    assert [len(page.images) for page in pages] == [10, 10, 8]
    assert len({one.name for one in found}) == len({one.url for one in found}) == 28
    assert found[8].name == "cars-01.tar/1.jpg"


async def test_a_missing_shard_of_a_pattern_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "cars-0.tar").write_bytes(tar(FILES))
    for pattern, words in (("cars-{0..1}.tar", "cars-1.tar"), ("cars-{0..999999999}.tar", "100,000")):
        pages, said = await collect_until(Archive(tmp_path / pattern), InputError)
        assert not pages and words in said


async def test_a_damaged_shard_does_not_keep_the_others_out_and_is_named_at_the_end(tmp_path: Path) -> None:
    whole = tar(FILES)
    for name, content in (("a.tar", whole), ("b.tar", whole[:15_000]), ("c.tar", b"no tar"), ("d.tar", whole)):
        (tmp_path / name).write_bytes(content)
    pages, said = await collect_until(Archive(tmp_path), InputError)
    kept = 14  # of b: each member takes a header and a block
    assert len(images(pages)) == 25 + kept + 25
    assert "2 of 4 files" in said and "b.tar" in said
    for number, page in enumerate(pages, 1):
        rest, again = await collect_until(Archive(tmp_path), InputError, page.cursor)
        assert images(rest)[0].name == images(pages[number:])[0].name if rest else number == len(pages)
        assert again == said


@pytest.mark.parametrize("name", PACKERS)
async def test_a_truncated_tar_gives_what_it_has_and_then_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = {f"{n}.jpg": os.urandom(20_000) for n in range(25)}
    packed = PACKERS[name](tar(noise))
    path.write_bytes(packed[: len(packed) // 2 + 100])
    pages, said = await collect_until(Archive(path), InputError)
    found = images(pages)
    assert name in said and "damaged" in said
    assert all(data(one) == noise[one.name] for one in found)
    assert len(found) >= (5 if name != "a.tar.bz2" else 0)  # the whole file is one block of bzip2


async def test_damage_in_the_middle_of_a_tar_is_no_end(tmp_path: Path) -> None:
    content = bytearray(tar(FILES))
    content[10 * 1024 : 10 * 1024 + 100] = b"\xff" * 100
    (tmp_path / "a.tar").write_bytes(content)
    pages, said = await collect_until(Archive(tmp_path / "a.tar"), InputError)
    assert len(images(pages)) == 10 and "damaged" in said


@pytest.mark.parametrize("content", [b"", b"x" * 5_000, zipped(FILES)[:-40], b"\x1f\x8b\x08 no gzip", b"PK\x03\x04"])
async def test_what_is_no_archive_is_refused_at_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    pages, said = await collect_until(Archive(tmp_path / "a.tar"), InputError)
    assert not pages and "a.tar" in said


async def test_an_encrypted_zip_is_refused_at_the_start(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.jpg": b"x"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        await collect(Archive(tmp_path / "a.zip"))


async def test_a_damaged_member_of_a_zip_is_known_when_it_is_read(tmp_path: Path) -> None:
    content = bytearray(zipped(FILES, zipfile.ZIP_STORED))
    content[content.index(FILES["cars/003.jpg"])] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    found = {one.name: one for one in images(await collect(Archive(tmp_path / "a.zip")))}
    assert len(found) == 25 and data(found["cars/004.jpg"]) == FILES["cars/004.jpg"]
    with pytest.raises(Refused) as refused:
        data(found["cars/003.jpg"])
    assert refused.value.outcome is Outcome.UNREADABLE


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_names_lead_nowhere(tmp_path: Path, form: str) -> None:
    bad = {
        "../../etc/cron.d/a.jpg": b"1",
        "/root/.ssh/b.jpg": b"2",
        "C:\\Windows\\c.jpg": b"3",
        "x\n\x1b[2J/d.jpg": b"4",
    }
    path = tmp_path / f"a.{form}"
    path.write_bytes(tar(bad) if form == "tar" else zipped(bad))
    found = images(await collect(Archive(path)))
    assert [one.name for one in found] == ["etc/cron.d/a.jpg", "root/.ssh/b.jpg", "Windows/c.jpg", "x__[2J/d.jpg"]
    assert [data(one) for one in found] == [b"1", b"2", b"3", b"4"]


async def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("a.jpg", tarfile.SYMTYPE), ("b.jpg", tarfile.LNKTYPE), ("c.jpg", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    assert images(await collect(Archive(tmp_path / "a.tar"))) == []


async def test_two_members_with_the_same_name_are_two_images(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar({"a.jpg": b"1"})[:1024] + tar({"../a.jpg": b"2"}))
    found = images(await collect(Archive(tmp_path / "a.tar")))
    assert [data(one) for one in found] == [b"1", b"2"]
    assert found[0].url != found[1].url


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_a_member_that_is_too_big_is_refused_when_it_is_read(tmp_path: Path, form: str) -> None:
    files = {"big.jpg": b"x" * 10_001, "small.jpg": b"y"}
    path = tmp_path / f"a.{form}"
    path.write_bytes(tar(files) if form == "tar" else zipped(files))
    big, small = images(await collect(Archive(path, max_bytes=10_000)))
    assert data(small) == b"y"
    with pytest.raises(Refused) as refused:
        data(big)
    assert refused.value.outcome is Outcome.TOO_BIG


async def test_a_zip_whose_members_unpack_to_more_than_they_say_is_bounded(tmp_path: Path) -> None:
    content = bytearray(zipped({"bomb.jpg": bytes(50_000_000)}))
    size = (50_000_000).to_bytes(4, "little")
    while size in content:
        content[content.index(size) : content.index(size) + 4] = (1_000).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    (bomb,) = images(await collect(Archive(tmp_path / "a.zip")))
    with pytest.raises(Refused) as refused:
        data(bomb)
    assert refused.value.outcome is Outcome.UNREADABLE
    (tmp_path / "b.zip").write_bytes(zipped({"bomb.jpg": bytes(1_000_000)}, zipfile.ZIP_BZIP2))
    (bomb,) = images(await collect(Archive(tmp_path / "b.zip")))
    with pytest.raises(Refused, match="method"):
        data(bomb)


async def test_a_tar_that_expands_like_a_bomb_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "EXPANSION_FREE", 1_000_000)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar({"x.bin": bytes(20_000_000), "a.jpg": b"1"})))
    with pytest.raises(InputError, match="bomb"):
        await collect(Archive(tmp_path / "a.tar.gz"))
    monkeypatch.setattr(archives, "EXPANSION", 10_000)
    (found,) = images(await collect(Archive(tmp_path / "a.tar.gz")))
    assert data(found) == b"1"


async def test_a_name_without_end_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 30_000_000
    (tmp_path / "a.tar").write_bytes(tar({"a.jpg": b"1"})[:1024] + info.tobuf() + bytes(30_000_000))
    pages, said = await collect_until(Archive(tmp_path / "a.tar"), InputError)
    assert len(images(pages)) == 1 and "name" in said


async def test_a_page_of_large_images_holds_a_bounded_number_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_hand, "PAGE_BYTES", 2_500)
    (tmp_path / "a.tar").write_bytes(tar({f"{n}.jpg": b"x" * 1_000 for n in range(7)}))
    pages = await assert_resumes(Archive(tmp_path / "a.tar"))
    assert [len(page.images) for page in pages] == [3, 3, 1]


async def test_a_long_stretch_without_images_has_places_to_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_hand, "PAGE_STEPS", 10)
    (tmp_path / "a.tar").write_bytes(tar({f"{n}.txt": b"x" for n in range(35)} | {"last.jpg": b"1"}))
    pages = await assert_resumes(Archive(tmp_path / "a.tar"))
    assert [len(page.images) for page in pages] == [0, 0, 0, 1]
