"""Images in folders: by part and answer, as WebDataset's samples, as COCO and Hugging Face's ``datasets`` read them."""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence

from api.operations.dataset_rows import Row
from api.operations.formats import tables
from api.operations.formats.layout import Maker, Part, Picture, member

Place = Callable[[Row], str]
"""Where an image lies below the dataset's folder."""


def in_classes(row: Row) -> str:
    """As torchvision's ImageFolder and Ultralytics' YOLO classifiers read it: ``train/yes/<sha256>.jpg``."""
    return f"{row.split}/{row.word}/{row.file}"


def in_images(row: Row) -> str:
    """As COCO's tools do: ``images/train/<sha256>.jpg``."""
    return f"images/{row.split}/{row.file}"


def in_split(row: Row) -> str:
    """As Hugging Face's ``datasets`` reads it: ``data/train/<sha256>.jpg`` beside ``metadata.jsonl``."""
    return f"data/{row.split}/{row.file}"


def pictures(place: Place) -> Maker:
    """The images of a block as members of a tar archive."""

    def make(rows: Sequence[Row], root: str) -> Iterator[Part]:
        for row in rows:
            yield from member(root + place(row), Picture(row.image, row.bytes))

    return make


def sums(place: Place) -> Maker:
    """Their lines in ``SHA256SUMS``, as ``sha256sum -c`` reads them: an image's id is its checksum."""

    def make(rows: Sequence[Row], root: str) -> Iterator[Part]:
        for row in rows:
            yield f"{row.image}  {place(row)}\n".encode()

    return make


def as_samples(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """WebDataset's samples: the image, ``cls`` with 1 for yes and 0 for no, ``json`` with all that is known."""
    for row in rows:
        suffix = row.file.rpartition(".")[2]
        yield from member(f"{row.image}.{suffix}", Picture(row.image, row.bytes))
        yield from member(f"{row.image}.cls", str(int(row.value)).encode())
        (told,) = tables.as_jsonl([row])
        assert isinstance(told, bytes)
        yield from member(f"{row.image}.json", told)


def as_metadata(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """Lines of ``metadata.jsonl``: ``label`` is 1 for yes and 0 for no. ``image`` is the picture itself there."""
    for row in rows:
        known = dict.fromkeys(tables.COLUMNS) | tables.values(row)
        del known["file"]
        told = {
            "sha256": known.pop("image"),
            "file_name": row.file,
            "label": int(row.value),
            "decided_at": row.decided_at.isoformat(),
        }
        yield tables.text_of(known | told)


YES, NO = 1, 2
COCO_CLASSES = ((YES, "yes"), (NO, "no"))


def as_coco_images(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """Elements of COCO's ``images``, each after a comma. Ids count from 1."""
    for row in rows:
        entry = {
            "id": row.number + 1,
            "file_name": f"{row.split}/{row.file}",
            "width": row.width,
            "height": row.height,
            "license": licence_id(row.origin.licence),
            "coco_url": row.origin.url,
            "date_captured": "",
            "sha256": row.image,
            "origin": row.origin.model_dump(),
        }
        yield b",\n" + _json(entry)


def as_coco_annotations(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """Elements of COCO's ``annotations``, each after a comma: the answer is about the whole image."""
    for row in rows:
        entry = {
            "id": row.number + 1,
            "image_id": row.number + 1,
            "category_id": YES if row.value else NO,
            "bbox": [0, 0, row.width, row.height],
            "area": row.width * row.height,
            "segmentation": [],
            "iscrowd": 0,
            "source": row.source.value,
            "certainty": row.certainty,
            **row.evidence(),
        }
        yield b",\n" + _json(entry)


def licence_id(licence: str) -> int:
    """The number of a licence among COCO's ``licenses``: the same in every file."""
    return zlib.crc32(licence.encode()) & 0x7FFF_FFFF


def _json(entry: dict[str, object]) -> bytes:
    return json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()
