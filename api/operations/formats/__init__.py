"""The formats that a dataset goes out in, one literal registry. A format says which files it consists of, not how they
are read: see ``layout``.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from active_learning.domain.dataset import Split
from active_learning.domain.errors import InputError
from api.operations.formats import folders, tables
from api.operations.formats.layout import File, Given, Maker, Members, OfBlock, Outline, Section, Stored, Tree, sections

LAYOUT = 1
"""Grows whenever any format makes other bytes of the same rows: versions are measured again then."""

MAKERS: Mapping[str, Maker] = {
    "csv": tables.as_csv,
    "jsonl": tables.as_jsonl,
    "credits": tables.as_credits,
    "classes": folders.pictures(folders.in_classes),
    "classes_sums": folders.sums(folders.in_classes),
    "samples": folders.as_samples,
    "coco_pictures": folders.pictures(folders.in_images),
    "coco_sums": folders.sums(folders.in_images),
    "coco_images": folders.as_coco_images,
    "coco_annotations": folders.as_coco_annotations,
    "splits": folders.pictures(folders.in_split),
    "splits_sums": folders.sums(folders.in_split),
    "metadata": folders.as_metadata,
}
"""What is made of a block of rows, and measured when a version is frozen."""

SHARD_BYTES = 256 * 1024 * 1024
"""A WebDataset shard ends with the block that brings it to this size."""


@dataclass(frozen=True)
class Version:
    """A frozen version as formats see it. ``card`` is the head of its README for Hugging Face, ``parquet`` what was
    made when it was frozen."""

    name: str
    question: str
    outline: tuple[Outline, ...]
    licences: tuple[str, ...]
    datasheet: bytes
    manifest: bytes
    parquet: tuple[Stored, ...]

    def of(self, split: Split) -> tuple[Outline, ...]:
        """The blocks of one part."""
        return tuple(block for block in self.outline if block.split == split.value)

    @property
    def splits(self) -> tuple[Split, ...]:
        """The parts that have images."""
        return tuple(split for split in Split if any(block.rows for block in self.of(split)))


@dataclass(frozen=True)
class Format:
    """One way out. ``single`` formats are one table and nothing else; the others come with the datasheet, whom the
    images come from and checksums. ``sums`` is the maker of the images' lines of the latter."""

    name: str
    title: str
    what: str
    tree: Callable[[Version], Tree]
    single: bool = False
    sums: str = ""
    use: str = ""


def _csv(version: Version) -> Tree:
    return (File("labels.csv", (Given(tables.head(tables.COLUMNS)), *sections(version.outline, "csv"))),)


def _jsonl(version: Version) -> Tree:
    return (File("labels.jsonl", sections(version.outline, "jsonl")),)


def _parquet(version: Version) -> Tree:
    if len(version.parquet) == 1:
        return (File("labels.parquet", version.parquet),)
    return tuple(File(f"labels-{n:05}.parquet", (part,)) for n, part in enumerate(version.parquet))


def _imagefolder(version: Version) -> Tree:
    return (Members(sections(version.outline, "classes")),)


def _webdataset(version: Version) -> Tree:
    return tuple(
        File(f"{split}-{number:06}.tar", (*shard, Given(bytes(1024))))
        for split in version.splits
        for number, shard in enumerate(_shards(sections(version.of(split), "samples")))
    )


def _shards(blocks: Sequence[OfBlock]) -> Iterator[list[OfBlock]]:
    shard: list[OfBlock] = []
    for block in blocks:
        shard.append(block)
        if sum(one.size for one in shard) >= SHARD_BYTES:
            yield shard
            shard = []
    if shard:
        yield shard


def _coco(version: Version) -> Tree:
    return (
        *(File(f"annotations/instances_{split}.json", _coco_file(version, split)) for split in version.splits),
        Members(sections(version.outline, "coco_pictures")),
    )


def _coco_file(version: Version, split: Split) -> tuple[Section, ...]:
    head = {
        "info": {"description": f"{version.name}: {version.question}", "version": version.name},
        "licenses": [
            {"id": folders.licence_id(name), "name": name or "unknown", "url": ""} for name in version.licences
        ],
        "categories": [{"id": id_, "name": name, "supercategory": "answer"} for id_, name in folders.COCO_CLASSES],
    }
    opening = json.dumps(head, sort_keys=True, ensure_ascii=False)[:-1]
    return (
        Given(f'{opening}, "images": [\n'.encode()),
        *_listed(version.of(split), "coco_images"),
        Given(b'\n], "annotations": [\n'),
        *_listed(version.of(split), "coco_annotations"),
        Given(b"\n]}\n"),
    )


def _listed(outline: Sequence[Outline], kind: str) -> Iterator[OfBlock]:
    """Elements of a JSON array, each made after a comma: the first one goes without."""
    filled = [block for block in outline if block.rows]
    for block in filled:
        yield block.section(kind, skip=2 if block is filled[0] else 0)


def _hf(version: Version) -> Tree:
    return (
        File("README.md", (Given(_card(version)),)),
        *(File(f"data/{split}/metadata.jsonl", sections(version.of(split), "metadata")) for split in version.splits),
        Members(sections(version.outline, "splits")),
    )


HF_NAMES = {Split.TRAIN: "train", Split.VAL: "validation", Split.TEST: "test"}


def _card(version: Version) -> bytes:
    lines = ["---", f"pretty_name: {json.dumps(version.name)}", "task_categories:", "- image-classification"]
    lines += ["configs:", "- config_name: default", "  drop_labels: true", "  data_files:"]
    for split in version.splits:
        lines += [f"  - split: {HF_NAMES[split]}", f"    path: data/{split}/**"]
    return "\n".join([*lines, "---", "", ""]).encode() + version.datasheet


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            "imagefolder",
            "Image folders",
            "images in train/yes, train/no, ...: torchvision, Keras, YOLO classifiers",
            _imagefolder,
            sums="classes_sums",
            use='torchvision.datasets.ImageFolder("{folder}/train")',
        ),
        Format(
            "webdataset",
            "WebDataset",
            "shards of images with cls and json, for training from a stream",
            _webdataset,
            use='webdataset.WebDataset("{folder}/train-000000.tar").decode("pil").to_tuple("jpg;png;webp", "cls")',
        ),
        Format(
            "hf",
            "Hugging Face",
            "images with metadata.jsonl and a dataset card",
            _hf,
            sums="splits_sums",
            use='datasets.load_dataset("{folder}")',
        ),
        Format(
            "coco",
            "COCO",
            "images, and instances_train.json, ... with one annotation an image",
            _coco,
            sums="coco_sums",
            use='pycocotools.coco.COCO("{folder}/annotations/instances_train.json")',
        ),
        Format(
            "csv", "CSV", "a table of labels, without images", _csv, single=True, use='pandas.read_csv("labels.csv")'
        ),
        Format(
            "jsonl",
            "JSON lines",
            "the whole provenance of every label, without images",
            _jsonl,
            single=True,
            use='pandas.read_json("labels.jsonl", lines=True)',
        ),
        Format(
            "parquet",
            "Parquet",
            "a typed table of labels, without images",
            _parquet,
            single=True,
            use='pandas.read_parquet("labels.parquet")',
        ),
    )
}
"""Every format, those with images first."""

ALIASES = {"yolo": "imagefolder", "huggingface": "hf", "datasets": "hf", "wds": "webdataset"}


def chosen(name: str) -> Format:
    """The format of this name; raises :class:`InputError`."""
    found = FORMATS.get(ALIASES.get(name, name))
    if found is None:
        raise InputError(f"There is no format '{name}'.", f"Choose one of: {', '.join(FORMATS)}.")
    return found


def companions(version: Version) -> Tree:
    """What every format with images brings along."""
    credits_: tuple[Section, ...] = (Given(tables.head(tables.CREDIT_COLUMNS)), *sections(version.outline, "credits"))
    return (
        File("DATASHEET.md", (Given(version.datasheet),)),
        File("manifest.json", (Given(version.manifest),)),
        File("ATTRIBUTION.csv", credits_),
    )


def checksums(chosen_: Format, version: Version, known: Mapping[str, str]) -> File:
    """``SHA256SUMS``: of the files (path -> sha256), and of the images, whose ids they are."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(known.items()))
    images = sections(version.outline, chosen_.sums) if chosen_.sums else ()
    return File("SHA256SUMS", (Given(lines.encode()), *images))
