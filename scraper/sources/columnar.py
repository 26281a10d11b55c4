"""Parquet and Arrow files, batch by batch.

Memory holds a few rows and the page that they are in; with large images, pages may be as large as a row group.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from active_learning.domain.errors import InputError

BATCH_BYTES = 8 * 1024 * 1024
"""About so many bytes are read at a time."""
BATCH_ROWS = 500

EXTENSIONS = frozenset({".parquet", ".arrow", ".feather"})


class Columnar(Protocol):
    """An open file. ``rows`` is ``None`` where only reading it would tell."""

    schema: pa.Schema
    rows: int | None

    def batches(self, columns: Sequence[str], start: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Give (number of its first row, batch) from row ``start`` on, with these columns at least."""


class _Parquet:
    def __init__(self, file: pq.ParquetFile) -> None:
        self._file = file
        self.schema: pa.Schema = file.schema_arrow
        self.rows: int | None = file.metadata.num_rows

    def batches(self, columns: Sequence[str], start: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        metadata = self._file.metadata
        first = 0
        for group in range(metadata.num_row_groups):
            facts = metadata.row_group(group)
            if first + facts.num_rows > start:
                average = facts.total_byte_size // max(1, facts.num_rows)
                size = max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, average)))
                number = first
                for batch in self._file.iter_batches(size, [group], columns=list(columns), use_threads=False):
                    yield from _after(start, number, batch)
                    number += batch.num_rows
            first += facts.num_rows


class _Ipc:
    """Arrow's stream and file format; mapped into memory, so that only what is looked at is read."""

    def __init__(self, mapped: pa.MemoryMappedFile) -> None:
        self.rows: int | None = None
        self._batches: Iterator[pa.RecordBatch]
        if mapped.read(6) == b"ARROW1":
            file = pa.ipc.open_file(mapped)
            self.schema: pa.Schema = file.schema
            self._batches = (file.get_batch(number) for number in range(file.num_record_batches))
        else:
            mapped.seek(0)
            stream = pa.ipc.open_stream(mapped)
            self.schema = stream.schema
            self._batches = iter(stream)

    def batches(self, columns: Sequence[str], start: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        number = 0
        for batch in self._batches:
            for first in range(0, batch.num_rows, BATCH_ROWS):
                yield from _after(start, number + first, batch.slice(first, BATCH_ROWS))
            number += batch.num_rows


def _after(start: int, number: int, batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    if number + batch.num_rows > start:
        done = max(0, start - number)
        yield number + done, batch.slice(done)


@contextmanager
def opened(path: Path) -> Iterator[Columnar]:
    """Open a Parquet or Arrow file, whatever it is called; raises ``InputError``, also for damage found inside."""
    try:
        with path.open("rb") as file:
            parquet = file.read(4) == b"PAR1"
        if parquet:
            with pq.ParquetFile(path, pre_buffer=False, buffer_size=1024 * 1024) as table:
                yield _Parquet(table)
        else:
            with pa.memory_map(str(path)) as mapped:
                yield _Ipc(mapped)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path.name} is no readable Parquet or Arrow file: {reason}", "Copy or download it again."
        ) from error
