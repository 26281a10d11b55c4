"""Tables of images: every form of the image column, here and on a Hub built from the published one."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from active_learning.domain.errors import InputError, Unavailable
from scraper.outcomes import Outcome, Refused
from scraper.sources import at_hand, columnar
from scraper.sources.hub import Hub, HubFile
from scraper.sources.tables import HubDataset, Table, open_table
from tests.scraper.collecting import assert_resumes, collect, collect_until, data, images
from tests.scraper.fakes.timing import Time
from tests.scraper.fakes_hub import FakeHub

MANY = 37


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_hand, "PAGE_IMAGES", 10)
    monkeypatch.setattr(columnar, "BATCH_ROWS", 4)


def table(first: int = 0, many: int = MANY, **more: list[Any]) -> pa.Table:
    rows = range(first, first + many)
    picture = [{"bytes": b"image %d" % row, "path": f"{row}.jpg"} for row in rows]
    return pa.table({"label": [row % 2 for row in rows], "image": picture, **more})


def parquet(content: pa.Table, rows: int = 15) -> bytes:
    out = io.BytesIO()
    pq.write_table(content, out, row_group_size=rows)
    return out.getvalue()


def write(path: Path, content: pa.Table, form: str) -> Path:
    match form:
        case "parquet":
            path.write_bytes(parquet(content))
        case "stream":
            with pa.ipc.new_stream(path, content.schema) as stream:
                stream.write_table(content, max_chunksize=15)
        case "file":
            with pa.ipc.new_file(path, content.schema) as file:
                file.write_table(content, max_chunksize=15)
        case "feather":
            pyarrow.feather.write_feather(content, path)
    return path


@pytest.mark.parametrize("form", ["parquet", "stream", "file", "feather"])
async def test_all_rows_and_from_every_cursor_on(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "cars.parquet", table(), form)
    pages = await assert_resumes(Table(path))
    found = images(pages)
    assert [data(one) for one in found] == [b"image %d" % row for row in range(MANY)]
    assert [len(page.images) for page in pages] == [10, 10, 10, 7]
    assert pages[0].total == (MANY if form == "parquet" else None)
    assert (found[3].name, found[3].url) == ("3.jpg", f"{path.as_uri()}#3")
    assert (found[3].provenance.source, found[3].provenance.source_id) == ("table", "cars.parquet#3")
    assert found[3].provenance.title == ""


async def test_a_folder_of_tables_and_its_splits(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(3):
        write(tmp_path / "data" / f"train-{number:05d}-of-00003.parquet", table(10 * number, 10), "parquet")
    write(tmp_path / "data" / "test-00000-of-00001.arrow", table(100, 5), "stream")
    everything = images(await assert_resumes(open_table(str(tmp_path))))
    assert len(everything) == len({one.url for one in everything}) == 35
    test = images(await assert_resumes(Table(tmp_path, split="test")))
    assert [data(one) for one in test] == [b"image %d" % row for row in range(100, 105)]
    with pytest.raises(InputError, match="'validation'"):
        await collect(Table(tmp_path, split="validation"))


async def test_bytes_urls_and_what_else_a_row_may_hold(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.parquet", pa.table({"id": ["a", "b"], "jpg": [b"1", b"2"]}), "parquet")
    assert [(one.name, data(one)) for one in images(await collect(Table(bare)))] == [("a", b"1"), ("b", b"2")]
    long_url = "https://example.org/" + "x" * 3_000
    urls = write(tmp_path / "urls.parquet", pa.table({"URL": ["https://example.org/1.jpg", long_url]}), "parquet")
    first, second = images(await collect(Table(urls)))
    assert (first.url, first.read, second.url) == ("https://example.org/1.jpg", None, long_url)
    odd = pa.table(
        {
            "image": [
                {"bytes": None, "path": "/etc/hostname"},
                {"bytes": None, "path": "https://example.org/2.jpg"},
                {"bytes": None, "path": None},
                None,
                {"bytes": b"x" * 101, "path": "../../big.jpg"},
                {"bytes": b"x", "path": "a\n.jpg"},
            ]
        }
    )
    path = write(tmp_path / "odd.parquet", odd, "parquet")
    found = images(await collect(Table(path, max_bytes=100)))
    assert found[1].url == "https://example.org/2.jpg"
    outcomes = []
    for number in (0, 2, 3, 4):
        with pytest.raises(Refused) as refused:
            data(found[number])
        outcomes.append(refused.value.outcome)
    assert outcomes == [Outcome.UNREADABLE, Outcome.EMPTY, Outcome.EMPTY, Outcome.TOO_BIG]
    assert [one.name for one in found[4:]] == ["big.jpg", "a_.jpg"]


async def test_rows_say_where_their_images_are_from(tmp_path: Path) -> None:
    content = pa.table(
        {"png": [b"1"], "caption": ["A car"], "license": ["CC BY 4.0"], "author": ["Ann"], "url": ["https://e.org/1"]}
    )
    (found,) = images(await collect(Table(write(tmp_path / "a.parquet", content, "parquet"))))
    made = found.provenance
    assert (made.title, made.licence, made.author, made.page) == ("A car", "by", "Ann", "https://e.org/1")
    assert data(found) == b"1"


async def test_which_column_holds_the_images(tmp_path: Path) -> None:
    two = pa.table({"left": [b"l"], "right": [b"r"]})
    with pytest.raises(InputError, match="several image columns: left, right"):
        await collect(Table(write(tmp_path / "two.parquet", two, "parquet")))
    assert data(images(await collect(Table(tmp_path / "two.parquet", column="right")))[0]) == b"r"
    with pytest.raises(InputError, match=r"'middle'.*left, right"):
        await collect(Table(tmp_path / "two.parquet", column="middle"))
    usual = pa.table({"mask": [b"m"], "Image": [b"i"]})
    assert data(images(await collect(Table(write(tmp_path / "b.parquet", usual, "parquet"))))[0]) == b"i"
    features = {"info": {"features": {"left": {"_type": "Value"}, "right": {"_type": "Image"}}}}
    declared = two.replace_schema_metadata({"huggingface": json.dumps(features)})
    assert data(images(await collect(Table(write(tmp_path / "c.parquet", declared, "parquet"))))[0]) == b"r"
    for name in ("no.parquet", "no.arrow"):
        write(tmp_path / name, pa.table({"text": ["x"], "label": [1]}), "parquet")
        with pytest.raises(InputError, match="Its columns: text, label"):
            await collect(Table(tmp_path / name))


@pytest.mark.parametrize("cut", [0, 3, 100, -30])
@pytest.mark.parametrize("form", ["parquet", "stream", "file"])
async def test_a_truncated_table_is_refused(tmp_path: Path, form: str, cut: int) -> None:
    path = write(tmp_path / "a.parquet", table(), form)
    path.write_bytes(path.read_bytes()[:cut])
    pages, said = await collect_until(Table(path), InputError)
    assert "a.parquet" in said
    assert all(data(one).startswith(b"image") for one in images(pages))


# the Hub


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


@pytest.fixture
def fake() -> FakeHub:
    train = [parquet(table(0, 25)), parquet(table(25, 12))]
    return FakeHub({"default": {"train": train, "test": [parquet(table(100, 3))]}}, {"license": "cc-by-sa-2.0"})


def hub(fake: FakeHub, time: Time | None = None, **arguments: Any) -> Hub:
    time = time or Time()
    return Hub(transport=fake.transport, sleep=time.sleep, clock=time.clock, jitter=lambda: 0.0, **arguments)


async def test_a_dataset_of_the_hub_and_from_every_cursor_on(fake: FakeHub, tmp_path: Path) -> None:
    pages = await assert_resumes(HubDataset("ann/cars", hub=hub(fake), scratch=tmp_path))
    found = images(pages)
    assert [data(one) for one in found] == [b"image %d" % row for row in [*range(37), 100, 101, 102]]
    assert found[26].url == "hf://ann/cars/default/train/1#1"
    made = found[26].provenance
    assert (made.source, made.source_id) == ("huggingface", "ann/cars/default/train/1#1")
    assert made.page == "https://huggingface.co/datasets/ann/cars"
    assert (made.licence, made.licence_url) == ("by-sa", "https://creativecommons.org/licenses/by-sa/2.0/")
    assert "CC BY-SA 2.0" in made.attribution
    assert is_empty(tmp_path)


async def test_a_split_and_a_configuration(fake: FakeHub) -> None:
    test = images(await collect(open_table("hf://ann/cars", split="test", hub=hub(fake))))
    assert [data(one) for one in test] == [b"image 100", b"image 101", b"image 102"]
    fake.shards = {"small": {"partial-train": [parquet(table(0, 2))]}, "large": {"train": [parquet(table(0, 3))]}}
    with pytest.raises(InputError, match="small, large"):
        await collect(open_table("hf://ann/cars", hub=hub(fake)))
    assert len(images(await collect(open_table("hf://ann/cars/large", hub=hub(fake))))) == 3
    assert len(images(await collect(open_table("hf://datasets/ann/cars/small", split="train", hub=hub(fake))))) == 2
    for path, split in (("hf://ann/cars/huge", ""), ("hf://ann/cars/large", "test")):
        with pytest.raises(InputError, match="It has"):
            await collect(open_table(path, split=split, hub=hub(fake)))


async def test_what_is_behind_a_cursor_is_not_brought_again(fake: FakeHub) -> None:
    pages = await collect(HubDataset("ann/cars", hub=hub(fake)))
    ends = [number for number, page in enumerate(pages) if page.cursor["row"] == page.cursor["rows"]]
    fake.asked.clear()
    await collect(HubDataset("ann/cars", hub=hub(fake)), pages[ends[0]].cursor)
    assert [request.url.path for request in fake.at_cdn()] == ["/default/train/1.parquet", "/default/test/0.parquet"]


async def test_a_broken_download_goes_on_where_it_stood(fake: FakeHub, tmp_path: Path) -> None:
    body = fake.shards["default"]["train"][0]
    fake.breaks = [100, 0, 300]
    told: list[tuple[str, int, int | None]] = []
    file = HubFile("default/train/0", "https://huggingface.co/api/datasets/ann/cars/parquet/default/train/0.parquet")
    await hub(fake, progress=lambda *what: told.append(what)).download(file, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == body
    assert [request.headers.get("range") for request in fake.at_cdn()] == [
        None,
        "bytes=100-",
        "bytes=100-",
        "bytes=400-",
    ]
    assert told[0] == ("default/train/0", 100, len(body)) and told[-1] == ("default/train/0", len(body), len(body))


async def test_a_file_that_has_changed_meanwhile_is_brought_anew(fake: FakeHub, tmp_path: Path) -> None:
    fake.breaks = [100]
    new = parquet(table(50, 60))
    time = Time()

    async def changing(seconds: float) -> None:
        fake.etag, fake.shards["default"]["train"][0] = '"v2"', new

    file = HubFile("default/train/0", "https://huggingface.co/api/datasets/ann/cars/parquet/default/train/0.parquet")
    bringing = Hub(transport=fake.transport, sleep=changing, clock=time.clock)
    await bringing.download(file, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == new


async def test_a_busy_hub_is_given_the_time_it_asks_for(fake: FakeHub) -> None:
    time = Time()
    fake.troubles = [429, 503]
    assert len(images(await collect(HubDataset("ann/cars", hub=hub(fake, time))))) == 40
    assert time.slept.count(7.0) == 2
    fake.troubles = [500] * 99
    with pytest.raises(Unavailable, match=r"default/train/0.*5 times"):
        await collect(HubDataset("ann/cars", hub=hub(fake, time)))


async def test_the_token_goes_to_the_hub_alone(fake: FakeHub) -> None:
    fake.token = "secret"
    with pytest.raises(InputError, match="token"):
        await collect(HubDataset("ann/cars", hub=hub(fake)))
    fake.asked.clear()
    assert len(images(await collect(HubDataset("ann/cars", hub=hub(fake, token="secret"))))) == 40
    assert fake.at_cdn() and all("authorization" not in request.headers for request in fake.at_cdn())


async def test_datasets_that_are_not_there_have_moved_or_have_no_files(fake: FakeHub) -> None:
    for path, words in (
        ("hf://ann/trucks", "Repository not found"),
        ("hf://ann/autos", "hf://ann/cars"),
        ("hf://cars", "hf://owner/name"),
        ("hf://../api", "not found|no dataset"),
    ):
        with pytest.raises(InputError, match=words):
            await collect(open_table(path, hub=hub(fake)))
    fake.shards = {}
    with pytest.raises(InputError, match="no Parquet files"):
        await collect(open_table("hf://ann/cars", hub=hub(fake)))


@pytest.mark.parametrize(
    ("card", "licence", "url"),
    [
        (None, "", ""),
        ({"license": ["cc0-1.0"]}, "cc0", ""),
        ({"license": ["mit", "cc0-1.0"]}, "", ""),
        ({"license": "mit"}, "", ""),
        (
            {"license": "other", "license_name": "CC BY-NC 4.0", "license_link": "https://example.org/terms"},
            "by-nc",
            "https://example.org/terms",
        ),
        ({"license": "other", "license_link": "LICENSE"}, "", ""),
    ],
)
async def test_the_licence_of_the_card(fake: FakeHub, card: dict[str, Any] | None, licence: str, url: str) -> None:
    fake.card = card
    assert await hub(fake).licence("ann/cars") == (licence, url)


async def test_a_file_of_the_hub_that_is_no_parquet_is_refused(fake: FakeHub) -> None:
    fake.shards["default"]["train"][1] = b"<html>"
    pages, said = await collect_until(HubDataset("ann/cars", hub=hub(fake)), InputError)
    assert len(images(pages)) == 25 and "Parquet" in said


async def test_a_listing_that_leads_elsewhere_gets_no_token(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"x")

    elsewhere = Hub(token="secret", transport=httpx.MockTransport(handle))
    await elsewhere.download(HubFile("a", "https://elsewhere.example/0.parquet"), tmp_path / "a")
    assert "authorization" not in seen[0].headers
