"""Labels as tables: CSV, lines of JSON, whom the images come from, checksums, Parquet."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from api.operations import attribution
from api.operations.dataset_rows import Row
from api.operations.formats.layout import Part

FIXED = {
    "image": pa.string(),
    "name": pa.string(),
    "label": pa.string(),
    "split": pa.string(),
    "source": pa.string(),
    "role": pa.string(),
    "round": pa.int32(),
    "certainty": pa.float64(),
    "posterior": pa.float64(),
    "votes_yes": pa.int32(),
    "votes_no": pa.int32(),
    "model": pa.string(),
    "score": pa.float64(),
    "decided_at": pa.timestamp("ms", tz="UTC"),
    "file": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "bytes": pa.int64(),
}
"""The columns that are not about the origin, and their types in Parquet."""

COLUMNS = (*FIXED, *attribution.COLUMNS)
SCHEMA = pa.schema([*FIXED.items(), *((name, pa.string()) for name in attribution.COLUMNS)])


def line(columns: Sequence[str], values: dict[str, Any]) -> str:
    """One line of a CSV file; what is missing stays empty."""
    text = io.StringIO(newline="")
    csv.DictWriter(text, columns, restval="").writerow(values)
    return text.getvalue()


def head(columns: Sequence[str]) -> bytes:
    """The first line of a CSV file."""
    return line(columns, {name: name for name in columns}).encode()


def values(row: Row) -> dict[str, Any]:
    """A row of a table. ``file`` is the image's name in every format."""
    return {
        "image": row.image,
        "name": row.name,
        "label": row.word,
        "split": row.split.value,
        "source": row.source.value,
        "role": row.role,
        "round": row.round,
        "certainty": row.certainty,
        "decided_at": row.decided_at,
        "file": row.file,
        "width": row.width,
        "height": row.height,
        "bytes": row.bytes,
        **row.evidence(),
        **row.origin.model_dump(),
    }


def as_csv(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """Lines of ``labels.csv``."""
    for row in rows:
        yield line(COLUMNS, values(row) | {"decided_at": row.decided_at.isoformat()}).encode()


def as_jsonl(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """Lines of ``labels.jsonl``: all that is known, the whole provenance too."""
    for row in rows:
        known = values(row) | {"decided_at": row.decided_at.isoformat()}
        entry = {name: value for name, value in known.items() if name in FIXED}
        entry |= {"id": row.label, "provenance": row.provenance, "origin": row.origin.model_dump()}
        yield text_of(entry)


def text_of(entry: dict[str, Any]) -> bytes:
    """A line of JSON: the same for the same content."""
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(", ", ": ")).encode() + b"\n"


CREDIT_COLUMNS = ("file", "image", *attribution.COLUMNS)


def as_credits(rows: Sequence[Row], root: str = "") -> Iterator[Part]:
    """Lines of ``ATTRIBUTION.csv``."""
    for row in rows:
        yield line(CREDIT_COLUMNS, {"file": row.file, "image": row.image, **row.origin.model_dump()}).encode()


def as_parquet(rows: Sequence[Row]) -> bytes:
    """A Parquet file of these rows."""
    out = io.BytesIO()
    found = [values(row) for row in rows]
    columns = {name: [one.get(name) for one in found] for name in SCHEMA.names}
    pq.write_table(pa.table(columns, schema=SCHEMA), out, compression="zstd", row_group_size=50_000)
    return out.getvalue()
