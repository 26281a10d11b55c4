"""Labels that exist already come in from every format, and override nobody."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import pandas as pd
import pytest

from active_learning.domain.dataset import Recipe
from active_learning.domain.errors import InputError, LabelFileError, StateError
from active_learning.domain.label import Source
from api.operations import curating, datasets, downloading, formats, importing_labels, intake, recounting
from api.operations.context import Winnow
from api.operations.label_files import Meaning, guess, read
from tests import factories

SLUG = "bright"
WORDS = {True: "yes", False: "no"}


async def pool(w: Winnow, images: int = 20) -> dict[str, bool]:
    """Images without answers; returns what would be right."""
    new, truth = factories.new_images(range(images), yes_every=3)
    await intake.create_category(w, factories.category(lessons=0))
    await intake.add_images(w, SLUG, new)
    return truth


def names() -> dict[str, bool]:
    return {f"{n}.png": n % 3 == 0 for n in range(20)}


def as_csv(labels: Mapping[str, bool]) -> bytes:
    return b"path,label\n" + b"".join(f"./{name},{WORDS[value]}\n".encode() for name, value in labels.items())


def as_jsonl(labels: Mapping[str, bool]) -> bytes:
    return b"".join(json.dumps({"file_name": n, "label": int(v)}).encode() + b"\n" for n, v in labels.items())


def as_parquet(labels: Mapping[str, bool]) -> bytes:
    return bytes(pd.DataFrame({"name": list(labels), "label": list(labels.values())}).to_parquet())


def as_map(labels: Mapping[str, bool]) -> bytes:
    return json.dumps(labels).encode()


def as_coco(labels: Mapping[str, bool]) -> bytes:
    images = [{"id": n, "file_name": f"train/{name}"} for n, name in enumerate(labels)]
    boxes = [{"id": n, "image_id": n, "category_id": 7 + value} for n, value in enumerate(labels.values())]
    categories = [{"id": 7, "name": "no"}, {"id": 8, "name": "bright"}]
    return json.dumps({"images": images, "annotations": boxes, "categories": categories}).encode()


def as_label_studio(labels: Mapping[str, bool]) -> bytes:
    def task(n: int, name: str, value: bool) -> dict[str, object]:
        result = [{"type": "choices", "from_name": "answer", "value": {"choices": [WORDS[value]]}}]
        cancelled = {"was_cancelled": True, "result": [{"value": {"choices": [WORDS[not value]]}}]}
        done = {"was_cancelled": False, "result": result}
        return {"id": n, "data": {"image": f"/data/upload/1/0a1b2c3d-{name}"}, "annotations": [cancelled, done]}

    return json.dumps([task(n, *label) for n, label in enumerate(labels.items())]).encode()


def as_label_studio_min(labels: Mapping[str, bool]) -> bytes:
    rows = [
        {"id": n, "image": f"/data/local-files/?d={name}", "choice": WORDS[v]}
        for n, (name, v) in enumerate(labels.items())
    ]
    return json.dumps(rows).encode()


def as_cvat_json(labels: Mapping[str, bool]) -> bytes:
    items = [
        {
            "id": name.removesuffix(".png"),
            "annotations": [{"type": "label", "label_id": int(value)}],
            "image": {"path": name},
        }
        for name, value in labels.items()
    ]
    categories = {"label": {"labels": [{"name": "no"}, {"name": "yes"}]}}
    return json.dumps({"info": {}, "categories": categories, "items": items}).encode()


def as_cvat_xml(labels: Mapping[str, bool]) -> bytes:
    images = "".join(
        f'<image id="{n}" name="{name}" width="16" height="16"><tag label="{WORDS[value]}" source="manual"/></image>'
        for n, (name, value) in enumerate(labels.items())
    )
    return f'<?xml version="1.0"?><annotations><version>1.1</version>{images}</annotations>'.encode()


def as_folders(labels: Mapping[str, bool]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, value in labels.items():
            archive.writestr(f"photos/{WORDS[value]}/{name}", b"not looked at")
    return out.getvalue()


FILES: tuple[tuple[str, str, Callable[[Mapping[str, bool]], bytes]], ...] = (
    ("labels.csv", "csv", as_csv),
    ("labels.jsonl", "jsonl", as_jsonl),
    ("labels.parquet", "parquet", as_parquet),
    ("map.json", "json", as_map),
    ("instances.json", "coco", as_coco),
    ("project-1.json", "label-studio", as_label_studio),
    ("min.json", "json", as_label_studio_min),
    ("default.json", "cvat-json", as_cvat_json),
    ("annotations.xml", "cvat-xml", as_cvat_xml),
    ("photos.zip", "archive", as_folders),
)


async def test_every_format_says_the_same(w: Winnow) -> None:
    truth = await pool(w)
    for name, format_, write in FILES:
        brought = await importing_labels.bring(w, SLUG, name, write(names()), "ann")
        report = brought.report
        assert (report.format, report.images, report.fresh) == (format_, 20, 20), name
        kept = {k: v async for block in w.store.label_files.answers(brought.id, 0) for k, v in block.items()}
        assert kept == truth, name
    assert (await w.store.categories.get(SLUG))["counts"]["unknown"] == 20, "looking changes nothing"


async def test_what_goes_out_comes_in_again(w: Winnow) -> None:
    truth = await pool(w)
    await curating.give_gold(w, SLUG, truth, Source.GOLD, {"by": "ann"})
    await datasets.make(w, SLUG, Recipe(), "ann")
    await datasets.freeze(w, SLUG, 1)
    for name in formats.FORMATS:
        download = await downloading.open_download(w, SLUG, 1, name)
        data = b"".join([part async for part in downloading.read(w, download.file)])
        report = (await importing_labels.bring(w, SLUG, download.name, data, "ann")).report
        assert (report.images, report.same, report.missing.images) == (20, 20, 0), name


@pytest.mark.parametrize("as_", ["imported", "gold"])
async def test_saving(w: Winnow, as_: importing_labels.As) -> None:
    truth = await pool(w)
    brought = await importing_labels.bring(w, SLUG, "labels.csv", as_csv(names()), "ann")
    for _ in range(2):
        document = await importing_labels.save(w, SLUG, brought.id, as_, "ann")
        assert await importing_labels.apply(w, SLUG, brought.id) == 20
    assert document["as"] == as_
    with pytest.raises(StateError, match="already"):
        await importing_labels.save(w, SLUG, brought.id, "gold" if as_ == "imported" else "imported", "ann")
    labels = await w.store.labels.newest(SLUG, list(truth))
    assert {image: label.value for image, label in labels.items()} == truth
    assert {label.source for label in labels.values()} == {Source.IMPORTED}
    assert labels[min(truth)].provenance["file"] == "labels.csv"
    document = await w.store.categories.get(SLUG)
    assert sum(document["gold"].values()) == (20 if as_ == "gold" else 0)
    assert document["counts"]["labeled"] == 20
    assert await recounting.differences(w, SLUG) == {}
    report = (await importing_labels.bring(w, SLUG, "labels.csv", as_csv(names()), "ann")).report
    assert (report.fresh, report.same) == (0, 20)


async def test_the_report_names_what_is_wrong_and_nothing_is_overridden(w: Winnow) -> None:
    truth = await pool(w)
    by_name = dict(zip((f"{n}.png" for n in range(20)), truth, strict=True))
    await curating.give_gold(w, SLUG, {by_name["4.png"]: False, by_name["5.png"]: False}, Source.GOLD, {"by": "ann"})
    await w.store.candidates.collection.update_one({"image": by_name["6.png"]}, {"$set": {"role": "validation"}})
    data = (
        b"image,label\n0.png,yes\n0.png,yes\n1.png,yes\n1.png,no\n2.png,maybe\n3.png,\n4.png,yes\n5.png,no\n6.png,yes\n"
        b"gone.png,yes\n" + f"{by_name['7.png']},no\n".encode()
    )
    report = (await importing_labels.bring(w, SLUG, "mixed.csv", data, "ann")).report
    assert (report.fresh_yes, report.fresh_no, report.repeated, report.same, report.busy) == (1, 1, 1, 1, 1)
    assert report.other == (("gold", 1),)
    assert report.conflicts == ("4.png (yes in the file)",)
    assert report.missing.examples == ("gone.png (line 11)",)
    assert report.unclear.examples == ("2.png ('maybe', line 6)",)
    assert report.silent.images == report.contradicting.images == 1
    assert report.ambiguous.images == 0


def test_words_mean_what_somebody_says() -> None:
    meaning = Meaning.of("red-car", yes=["Automobile"], no=["truck"])
    assert [meaning.answer([word]) for word in ("automobile", "Red Car", "TRUCK", "not red-car")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(KeyError, match="bus"):
        meaning.answer(["bus"])
    rest = Meaning.of("car", rest=True)
    assert [rest.answer(words) for words in (["car", "bus"], ["bus"], [], ["no"])] == [True, False, False, False]
    with pytest.raises(InputError, match="as a yes and as a no"):
        Meaning.of("car", yes=["bus"], no=["Bus"])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"a,b\n1,2\n", "no column with the image"),
        ("a.csv", b"image,label\n1\n", "Line 2 is too short"),
        ("a.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("a.csv", b"image,label\n", "holds no labels"),
        ("a.jsonl", b'{"image": "a"}\n', "There is no label: line 1"),
        ("a.json", b"{", "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b'{"images": [{}], "annotations": [{}]}', "not COCO's format"),
        ("a.json", b'[{"version": 0, "tags": [], "shapes": []}]', "inside of a CVAT backup"),
        ("a.json", b'[{"data": {}, "annotations": [{"result": []}]}]', "not Label Studio's JSON"),
        ("a.xml", b"<annotations><image", "not XML"),
        ("a.xml", b'<annotations><track id="0"/></annotations>', "of a video"),
        ("a.parquet", b"PAR1", "not Parquet"),
        ("a.zip", b"PK\x03\x04 and no more", "cannot be read"),
        ("a.docx", b"", "no label file that Winnow knows"),
    ],
)
def test_a_bad_file_is_one_clear_error(name: str, data: bytes, said: str) -> None:
    with pytest.raises(LabelFileError, match=said) as caught:
        read(name, data)
    assert caught.value.hint


def test_entities_of_xml_are_not_opened(tmp_path: object) -> None:
    image = b'<annotations><image id="0" name="&x;"><tag label="yes"/></image></annotations>'
    bomb = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + image
    try:
        _, found = read("a.xml", bomb)
    except LabelFileError:
        return
    assert "root:" not in found[0].image


def test_a_tar_is_read_as_a_zip_is() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("train/yes/a.jpg"))
        archive.addfile(tarfile.TarInfo("train/no/b.jpg"))
    assert guess("a.tgz", b"") == "archive"
    assert [(one.image, one.words) for one in read("a.tgz", out.getvalue())[1]] == [
        ("train/yes/a.jpg", ("yes",)),
        ("train/no/b.jpg", ("no",)),
    ]
