"""The dataset says whom its images come from, keeps to the licences asked for, and is the same every time."""

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from active_learning.domain.label import Source
from api.operations import attribution, curating, exporting, intake, takedown
from api.operations.context import Winnow
from tests import factories

SLUG = "bright"
BY = {
    "source": "openverse",
    "title": "A <b>*car*</b>\nat night",
    "author": "Ann [x](https://evil)",
    "author_url": "https://o/ann",
    "licence": "by",
    "licence_url": "https://cc/by",
    "page": "https://o/1",
}
WORDED = {"source": "commons", "licence": "cc0", "attribution": "Ben, CC0, via Commons"}
PLACES: tuple[Mapping[str, str], ...] = (BY, WORDED, {}, {"source": "openverse", "licence": "by-nc"})


async def labeled(w: Winnow) -> list[str]:
    """Eight gold images, found in the places above by turns; returns their ids in the order of the numbers."""
    images, truth = factories.new_images(range(8), yes_every=2)
    found = [
        replace(image, provenance=PLACES[n % len(PLACES)], url=f"https://a/{n}.png" if n % len(PLACES) != 2 else "")
        for n, image in enumerate(images)
    ]
    await intake.create_category(w, factories.category(lessons=0))
    await intake.add_images(w, SLUG, found)
    await intake.add_images(w, SLUG, [replace(found[3], url="https://b/3.png", provenance=WORDED)])
    await curating.give_gold(w, SLUG, truth, Source.IMPORTED, {"by": "test"})
    return [image.sha256 for image in images]


def rows(file: Path) -> dict[str, dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as table:
        return {row["image"]: row for row in csv.DictReader(table)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def test_every_image_has_its_origin_and_a_line_and_a_repeat_is_the_same(w: Winnow, tmp_path: Path) -> None:
    ids = await labeled(w)
    done = await exporting.export(w, SLUG, tmp_path / "a", lambda done, total: None)
    assert (done.yes, done.no, done.left_out) == (4, 4, 0)
    labels, credits_ = rows(tmp_path / "a" / "labels.csv"), rows(tmp_path / "a" / attribution.CSV)
    assert set(labels) == set(credits_) == set(ids)
    assert labels[ids[0]]["author"] == BY["author"]
    assert labels[ids[0]]["source"] == "imported"
    assert labels[ids[0]]["found_by"] == "openverse"
    assert labels[ids[4]]["url"] == "https://a/4.png"
    assert credits_[ids[1]]["attribution"] == WORDED["attribution"]
    lines = {line["image"]: line for line in map(json.loads, (tmp_path / "a" / "labels.jsonl").open())}
    assert lines[ids[0]]["origin"] == {n: credits_[ids[0]][n] for n in attribution.COLUMNS}
    made = '"A <b>*car*</b>\nat night" by Ann [x](https://evil) from https://o/1, licence: by (https://cc/by)'
    assert credits_[ids[0]]["attribution"] == made
    assert credits_[ids[2]]["attribution"] == '"2.png" from test, licence: unknown'
    text = (tmp_path / "a" / attribution.MARKDOWN).read_text()
    assert sum(line.startswith("- `images/") for line in text.splitlines()) == len(ids)
    assert r"A \<b\>\*car\*\</b\> at night" in text
    assert "[x](" not in text
    await exporting.export(w, SLUG, tmp_path / "b", lambda done, total: None)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("licences", "numbers"), [({"by"}, {0, 4}), ({"by", "cc0"}, {0, 1, 3, 4, 5}), ({""}, {2, 6}), (set(), set())]
)
async def test_only_allowed_licences_go_out(w: Winnow, tmp_path: Path, licences: set[str], numbers: set[int]) -> None:
    ids = await labeled(w)
    done = await exporting.export(w, SLUG, tmp_path / "a", lambda done, total: None, licences)
    found = rows(tmp_path / "a" / "labels.csv")
    assert set(found) == {ids[n] for n in numbers}
    assert {row["licence"] for row in found.values()} <= licences
    assert (done.yes + done.no, done.left_out, done.unknown) == (len(numbers), 8 - len(numbers), 0)
    assert len(list((tmp_path / "a" / "images").rglob("*.png"))) == len(numbers)
    if 3 in numbers:  # found under another licence first: the place that allows it is the one that is credited
        assert found[ids[3]]["url"] == "https://b/3.png"
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["licences"] == sorted(licences)
    assert set(manifest["files"]) == {"labels.csv", "labels.jsonl", attribution.CSV, attribution.MARKDOWN}


async def test_what_was_taken_down_does_not_go_out(w: Winnow, tmp_path: Path) -> None:
    ids = await labeled(w)
    await takedown.by_url(w, "https://b/3.png", "Ben", "mine")
    done = await exporting.export(w, SLUG, tmp_path / "a", lambda done, total: None)
    assert set(rows(tmp_path / "a" / "labels.csv")) == set(ids) - {ids[3]}
    assert (done.yes, done.no, done.unknown) == (4, 3, 0)
    assert await w.store.labels.history(SLUG, ids[3])
