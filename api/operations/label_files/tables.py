"""Labels in tables: CSV, JSON lines, a JSON array of objects, Parquet. Any file that has an image and a label."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from active_learning.domain.errors import LabelFileError
from api.operations.label_files.said import Said

IMAGE = ("sha256", "image", "image_id", "path", "file_name", "filename", "file", "name", "id")
LABEL = ("label", "answer", "value", "class", "category", "choice", "labels")
"""Names of columns, the surest first."""

HINT = f"Name the columns image and label: an image is one of {', '.join(IMAGE)}, a label one of {', '.join(LABEL)}."


def text(data: bytes) -> str:
    """UTF-8, with or without a byte order mark; raises :class:`LabelFileError`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelFileError("The file is not UTF-8 text.", "Save it in UTF-8.") from error


def read_csv(data: bytes) -> Iterator[Said]:
    """Rows of a CSV or TSV file with a header."""
    content = text(data)
    head = content.partition("\n")[0]
    reader = csv.reader(io.StringIO(content, newline=""), strict=True, delimiter="\t" if "\t" in head else ",")
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        image, label = _columns(header)
        for row in reader:
            if any(cell.strip() for cell in row):
                if len(row) <= max(image, label):
                    raise LabelFileError(f"Line {reader.line_num} is too short.", "Write the image and its label.")
                yield Said(row[image], _words(row[label]), f"line {reader.line_num}")
    except csv.Error as error:
        raise LabelFileError(
            f"Line {reader.line_num}: this is not CSV ({error}).", "Save it as CSV, separated by commas."
        ) from error


def _columns(header: Sequence[str]) -> tuple[int, int]:
    found = [next((header.index(name) for name in names if name in header), -1) for names in (IMAGE, LABEL)]
    if -1 in found:
        what = "image" if found[0] == -1 else "label"
        raise LabelFileError(f"The first line names no column with the {what}: {', '.join(header)[:200]}.", HINT)
    return found[0], found[1]


def read_jsonl(data: bytes) -> Iterator[Said]:
    """One object a line."""
    for number, line in enumerate(text(data).splitlines(), 1):
        if line.strip():
            yield of_object(_parsed(line, f"line {number}"), f"line {number}")


def read_json(data: bytes) -> Iterator[Said]:
    """An array of objects, or one object of image -> label."""
    parsed = _parsed(text(data), "the file")
    if isinstance(parsed, Mapping):
        parsed = [{"image": image, "label": label} for image, label in parsed.items()]
    if not isinstance(parsed, list):
        raise LabelFileError("The file is no array of objects.", HINT)
    for number, entry in enumerate(parsed, 1):
        yield of_object(entry, f"entry {number}")


def _parsed(content: str, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LabelFileError(f"This is not JSON: {where} ({error}).", "Export it again.") from error


def of_object(entry: Any, where: str) -> Said:
    """An image and its label out of a record; raises :class:`LabelFileError` where there are none."""
    if not isinstance(entry, Mapping):
        raise LabelFileError(f"This is no object: {where}.", HINT)
    image = next((entry[name] for name in IMAGE if isinstance(entry.get(name), str) and entry[name]), None)
    label = next((entry[name] for name in LABEL if entry.get(name) is not None), None)
    if image is None or label is None:
        raise LabelFileError(f"There is no {'image' if image is None else 'label'}: {where}.", HINT)
    return Said(image, _words(label), where)


def _words(label: Any) -> tuple[str, ...]:
    if isinstance(label, bool):
        return ("yes" if label else "no",)
    if isinstance(label, list):
        return tuple(word for one in label for word in _words(one))
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return (str(label),) if str(label).strip() else ()


def read_parquet(data: bytes) -> Iterator[Said]:
    """Rows of a Parquet file; other columns are not read."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        header = [name.lower() for name in file.schema_arrow.names]
        image, label = (file.schema_arrow.names[column] for column in _columns(header))
        batches: Iterable[pa.RecordBatch] = file.iter_batches(columns=[image, label])
        number = 0
        for batch in batches:
            for found, said in zip(batch.column(image).to_pylist(), batch.column(label).to_pylist(), strict=True):
                number += 1
                if not isinstance(found, str):
                    raise LabelFileError(f"Row {number} names no image.", HINT)
                yield Said(found, () if said is None else _words(said), f"row {number}")
    except pa.ArrowException as error:
        raise LabelFileError(f"This is not Parquet ({str(error)[:200]}).", "Export it again.") from error
