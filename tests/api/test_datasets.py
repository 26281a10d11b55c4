"""A dataset version is frozen, goes out in every format as the real libraries read it, and stays the same for ever."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets as hf
import pandas as pd
import pyarrow.parquet as pq
import pytest
import webdataset
from PIL import Image
from pycocotools.coco import COCO

from active_learning.domain.dataset import Recipe
from active_learning.domain.label import Source
from api.operations import curating, datasets, downloading, formats, intake, takedown
from api.operations.context import Winnow
from tests import factories

SLUG = "bright"
PLACES: tuple[Mapping[str, str], ...] = (
    {"source": "openverse", "author": "Ann, the <b>first</b>", "licence": "by", "title": 'A "car"\nat night'},
    {"source": "commons", "licence": "cc0"},
    {},
)
IMAGES = 60


async def pool(w: Winnow, images: int = IMAGES) -> dict[str, bool]:
    """A category all of whose images are gold, found in the places above by turns; returns their answers."""
    new, truth = factories.new_images(range(images), yes_every=3)
    found = [replace(image, provenance=PLACES[n % 3], url=f"https://a/{n}.png") for n, image in enumerate(new)]
    await intake.create_category(w, factories.category(lessons=0))
    await intake.add_images(w, SLUG, found)
    await curating.give_gold(w, SLUG, truth, Source.IMPORTED, {"by": "test"})
    return truth


async def frozen(w: Winnow, **recipe: Any) -> int:
    """The number of a version that is ready."""
    document = await datasets.make(w, SLUG, Recipe(**recipe), "ann")
    await datasets.freeze(w, SLUG, document["number"])
    return int(document["number"])


async def taken(w: Winnow, number: int, name: str, start: int = 0, stop: int | None = None) -> bytes:
    """A download, or a part of it."""
    download = await downloading.open_download(w, SLUG, number, name)
    return b"".join([data async for data in downloading.read(w, download.file, start, stop)])


async def unpacked(w: Winnow, number: int, name: str, folder: Path) -> Path:
    """A download in a folder."""
    with tarfile.open(fileobj=io.BytesIO(await taken(w, number, name))) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"{SLUG}-v{number}"


async def test_every_format_says_the_same_in_its_own_library(w: Winnow, tmp_path: Path) -> None:
    truth = await pool(w)
    number = await frozen(w)
    expected = {image: "yes" if value else "no" for image, value in truth.items()}

    table = pd.read_csv(io.BytesIO(await taken(w, number, "csv")))
    assert dict(zip(table["image"], table["label"], strict=True)) == expected
    split = dict(zip(table["image"], table["split"], strict=True))
    assert set(split.values()) == {"train", "val", "test"}
    lines = pd.read_json(io.BytesIO(await taken(w, number, "jsonl")), lines=True)
    assert dict(zip(lines["image"], lines["label"], strict=True)) == expected
    parquet = pq.read_table(io.BytesIO(await taken(w, number, "parquet"))).to_pandas()
    assert dict(zip(parquet["image"], parquet["label"], strict=True)) == expected
    assert list(parquet["author"]) == [text or "" for text in table["author"].fillna("")]

    assert image_folder(await unpacked(w, number, "imagefolder", tmp_path / "a")) == {
        (split[image], image): word for image, word in expected.items()
    }
    assert samples(await unpacked(w, number, "webdataset", tmp_path / "b")) == truth
    assert with_datasets(await unpacked(w, number, "hf", tmp_path / "c"), tmp_path) == {
        ({"val": "validation"}.get(split[image], split[image]), image): value for image, value in truth.items()
    }
    assert with_coco(await unpacked(w, number, "coco", tmp_path / "d")) == expected


def image_folder(folder: Path) -> dict[tuple[str, str], str]:
    """As torchvision reads it: a class a folder, in the order of their names; every file opens."""
    found = {}
    for split in ("train", "val", "test"):
        classes = sorted(path.name for path in (folder / split).iterdir() if path.is_dir())
        assert classes == ["no", "yes"]
        for word in classes:
            for path in sorted((folder / split / word).iterdir()):
                with Image.open(path) as image:
                    assert image.convert("RGB").size == (16, 16)
                found[split, path.stem] = word
    return found


def samples(folder: Path) -> dict[str, bool]:
    shards = [str(path) for path in sorted(folder.glob("*.tar"))]
    assert [Path(shard).name for shard in shards] == ["test-000000.tar", "train-000000.tar", "val-000000.tar"]
    read = webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8")
    found = {}
    for sample in read:
        assert sample["png"].shape == (16, 16, 3)
        assert sample["json"]["label"] == ("yes" if sample["cls"] else "no")
        found[sample["__key__"]] = bool(sample["cls"])
    return found


def with_datasets(folder: Path, cache: Path) -> dict[tuple[str, str], bool]:
    loaded = hf.load_dataset(str(folder), cache_dir=str(cache / "cache"))
    found = {}
    for split in loaded:
        for row in loaded[split]:
            assert row["image"].size == (16, 16)
            found[split, row["sha256"]] = bool(row["label"])
    return found


def with_coco(folder: Path) -> dict[str, str]:
    found = {}
    for file in sorted((folder / "annotations").iterdir()):
        coco = COCO(str(file))
        words = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
        for image in coco.loadImgs(coco.getImgIds()):
            (annotation,) = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
            with Image.open(folder / "images" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
            found[image["sha256"]] = words[annotation["category_id"]]
    return found


async def test_a_download_is_the_same_every_time_and_from_any_byte_on(w: Winnow) -> None:
    await pool(w, 24)
    number = await frozen(w)
    for name in formats.FORMATS:
        whole = await taken(w, number, name)
        assert hashlib.sha256(await taken(w, number, name)).digest() == hashlib.sha256(whole).digest()
        download = await downloading.open_download(w, SLUG, number, name)
        assert len(whole) == download.file.size
        for start, stop in ((0, 1), (1, 700), (len(whole) // 2, None), (len(whole) - 3, None), (513, 514), (600, 600)):
            assert await taken(w, number, name, start, stop) == whole[start:stop], (name, start, stop)


async def test_later_labels_do_not_change_a_version(w: Winnow) -> None:
    await pool(w, 24)
    number = await frozen(w)
    before = {name: await taken(w, number, name) for name in formats.FORMATS}
    new, truth = factories.new_images(range(100, 120))
    await intake.add_images(w, SLUG, new)
    await curating.give_gold(w, SLUG, truth, Source.GOLD, {"by": "ann"})
    assert {name: await taken(w, number, name) for name in formats.FORMATS} == before
    later = await frozen(w)
    assert later == number + 1
    assert (await w.store.datasets.get(SLUG, later))["tally"]["rows"] == 44
    earlier, after = dict(await splits_of(w, number)), dict(await splits_of(w, later))
    assert earlier.items() <= after.items(), "an image stays in its part"


async def splits_of(w: Winnow, number: int) -> list[tuple[str, str]]:
    lines = (await taken(w, number, "jsonl")).decode().splitlines()
    return [(row["image"], row["split"]) for row in map(json.loads, lines)]


@pytest.mark.parametrize(
    ("recipe", "rows", "left"),
    [
        ({}, 24, []),
        ({"licences": ("by",)}, 8, [["licence", 16]]),
        ({"licences": ("by", "")}, 16, [["licence", 8]]),
        ({"sources": ("human",)}, 0, [["source of the label", 24]]),
        ({"certainty": 0.99}, 24, []),
    ],
)
async def test_a_version_takes_what_its_recipe_says(
    w: Winnow, recipe: dict[str, Any], rows: int, left: list[list[object]]
) -> None:
    await pool(w, 24)
    tally = (await w.store.datasets.get(SLUG, await frozen(w, **recipe)))["tally"]
    assert (tally["rows"], tally["left_out"]) == (rows, left)
    for name in formats.FORMATS:
        assert await taken(w, 1, name) or rows == 0


async def test_a_takedown_takes_its_image_out_of_every_version(w: Winnow) -> None:
    await pool(w, 24)
    number = await frozen(w)
    tag = (await downloading.open_download(w, SLUG, number, "csv")).etag
    (image,) = await w.store.images.found_at("https://a/3.png")
    await takedown.by_url(w, "https://a/3.png", "Ann", "mine")
    with pytest.raises(downloading.StateError, match="is being made"):
        await downloading.open_download(w, SLUG, number, "csv")
    assert (await w.store.jobs.lease("t", ["freeze"], w.clock(), 60, "freeze:bright:1:2")) is not None
    document = await datasets.freeze(w, SLUG, number)
    assert (document["tally"]["rows"], document["taken_down"], document["revision"]) == (23, 1, 2)
    for name in formats.FORMATS:
        assert image.encode() not in await taken(w, number, name)
    assert (await downloading.open_download(w, SLUG, number, "csv")).etag != tag
    assert "1 images were taken down" in document["datasheet"]
    kept = {one["sha256"] for one in document["parquet"]}
    assert {f["_id"] async for f in w.store.dataset_files.collection.find({}, {"_id": 1})} == kept


async def test_freezing_goes_on_where_it_stopped(w: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    await pool(w, 24)
    number = await frozen(w)
    whole = {name: await taken(w, number, name) for name in ("csv", "imagefolder", "coco")}
    monkeypatch.setattr(datasets, "ROWS", 4)
    document = await datasets.make(w, SLUG, Recipe(), "ann")

    async def dies(what: str, done: int, total: int) -> None:
        if done == total // 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await datasets.freeze(w, SLUG, 2, dies)
    assert 0 < (await w.store.datasets.get(SLUG, 2))["ranges"] < 8
    await datasets.freeze(w, SLUG, document["number"])
    assert sorted((await taken(w, 2, "csv")).splitlines()) == sorted(whole["csv"].splitlines())
    assert len(await taken(w, 2, "coco")) == len(whole["coco"])


async def test_damaged_bytes_are_found_when_a_version_is_frozen(w: Winnow) -> None:
    truth = await pool(w, 12)
    image = min(truth)
    await w.store.blobs.collection.update_one({"_id": image}, {"$set": {"data": b"damaged"}})
    with pytest.raises(downloading.NotFound, match=f"{image} are damaged"):
        await frozen(w)


async def test_a_second_click_makes_no_second_version(w: Winnow) -> None:
    await pool(w, 6)
    first = await datasets.make(w, SLUG, Recipe(name="a"), "ann")
    assert (await datasets.make(w, SLUG, Recipe(name="a"), "ann"))["number"] == first["number"] == 1
    assert (await datasets.make(w, SLUG, Recipe(name="b"), "ann"))["number"] == 2
    assert (await datasets.make(w, SLUG, Recipe(name="b"), "ben"))["number"] == 3
    await datasets.freeze(w, SLUG, 3)
    assert (await datasets.make(w, SLUG, Recipe(name="b"), "ben"))["number"] == 4, "the one before is ready"
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(61)
    assert (await datasets.make(w, SLUG, Recipe(name="b"), "ben"))["number"] == 5, "that was no double click"


async def test_a_version_of_nothing_is_empty_and_whole(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    number = await frozen(w)
    assert len((await taken(w, number, "csv")).splitlines()) == 1
    assert pq.read_table(io.BytesIO(await taken(w, number, "parquet"))).num_rows == 0
