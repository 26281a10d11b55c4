"""The folder of images as a source."""

import asyncio
import threading
from pathlib import Path

import pytest

from active_learning.domain.errors import InputError
from scraper.outcomes import Outcome, Refused
from scraper.sources import at_hand
from scraper.sources.folder import Folder
from tests.scraper.collecting import assert_resumes, collect, data, images


async def test_all_files_page_by_page_and_from_every_cursor_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 3)
    for number in range(10):
        file = tmp_path / f"{number % 2}" / f"{number} and more#.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"%d" % number)
    pages = await assert_resumes(Folder(tmp_path))
    assert [len(page.images) for page in pages] == [3, 3, 3, 1]
    found = images(pages)
    assert [data(one) for one in found] == [b"0", b"2", b"4", b"6", b"8", b"1", b"3", b"5", b"7", b"9"]
    assert found[0].name == "0/0 and more#.jpg"
    assert found[0].url == (tmp_path / "0" / "0 and more#.jpg").as_uri()
    assert found[0].provenance.source == "folder"


async def test_one_file_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"x")
    (found,) = images(await collect(Folder(tmp_path / "picture")))
    assert (found.name, data(found)) == ("picture", b"x")


async def test_what_vanishes_or_is_too_big_is_known_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x" * 101)
    gone, big = images(await collect(Folder(tmp_path, max_bytes=100)))
    (tmp_path / "a.png").unlink()
    with pytest.raises(OSError):
        data(gone)
    with pytest.raises(Refused) as refused:
        data(big)
    assert refused.value.outcome is Outcome.TOO_BIG


async def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(InputError):
            await collect(Folder(path))


async def test_leaving_in_the_middle_closes_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 1)
    closed = []

    def steps() -> at_hand.Steps:
        try:
            for number in range(10):
                yield at_hand.Step({"n": number})
        finally:
            closed.append(True)

    pages = at_hand.paged(steps())
    async for _ in pages:
        break
    await pages.aclose()
    assert closed == [True]


async def test_a_cancelled_source_lets_go_without_waiting() -> None:
    entered, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def steps() -> at_hand.Steps:
        try:
            entered.set()
            go_on.wait(10)
            yield at_hand.Step({"n": 0})
        finally:
            closed.set()

    async def read() -> None:
        async for _ in at_hand.paged(steps()):
            pass

    reading = asyncio.create_task(read())
    await asyncio.to_thread(entered.wait, 10)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, 10)
