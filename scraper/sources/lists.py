"""Lists of URLs: plain text, CSV, JSON lines and Parquet."""

import csv
import gzip
import itertools
import json
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from active_learning.domain.errors import InputError
from scraper.found import Cursor, Found, Page, Provenance
from scraper.sources import fields
from scraper.sources.at_hand import Step, Steps, harmless, paged

LONGEST_LINE = 1024 * 1024
"""Bytes of a line that are looked at."""

_TEXT = frozenset({"", ".txt", ".urls", ".lst", ".list"})
_CSV = frozenset({".csv", ".tsv"})
_JSON = frozenset({".jsonl", ".ndjson"})


class UrlList:
    """The URLs of a list, in its order; what its columns say of them goes into their provenance.

    A .txt file has one URL a line, with empty lines and lines that begin with # left out. In a .csv or .tsv file (the
    first line names the columns), a .jsonl file and a .parquet file, ``column`` names the one with the URLs; without it
    ``url``, ``image_url``, ``link`` and the like are looked for. Texts are UTF-8 and may be compressed with gzip.

    A line that cannot be read, or without a URL, is found too, under an address that says where it is: fetching it
    fails, and so it is counted. Raises ``InputError`` for a file of another kind or without a column of URLs.
    """

    def __init__(self, path: Path, *, column: str = "") -> None:
        self._path = path
        self._column = column

    def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        return paged(self._steps(cursor))

    def _steps(self, cursor: Cursor | None) -> Steps:
        if not self._path.is_file():
            raise InputError(f"There is no file {self._path}.", "Check the path.")
        suffixes = [suffix.lower() for suffix in self._path.suffixes]
        if suffixes and suffixes[-1] in {".gz", ".gzip"}:
            suffixes.pop()
        kind = suffixes[-1] if suffixes else ""
        if kind == ".parquet":
            yield from self._parquet(cursor)
            return
        if kind not in _TEXT | _CSV | _JSON:
            raise InputError(f"{self._path.name} is no list of URLs.", "Known: .txt, .csv, .tsv, .jsonl, .parquet.")
        with self._opened() as stream:
            lines = _Lines(stream, self._path.name)
            if kind in _CSV:
                yield from self._csv(lines, cursor, kind)
            else:
                lines.go_on(cursor)
                yield from self._json(lines) if kind in _JSON else self._text(lines)

    def _text(self, lines: "_Lines") -> Steps:
        for line in lines:
            url = line.strip()
            yield Step(lines.cursor, () if not url or url.startswith("#") else (self._bare(url),))

    def _json(self, lines: "_Lines") -> Steps:
        for line in lines:
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, str):
                yield Step(lines.cursor, (self._bare(row.strip()),))
            elif not isinstance(row, dict):
                yield Step(lines.cursor, (self._bad(lines.number),))
            else:
                at = self._columns(row)
                if "url" not in at and lines.number == 1:
                    raise self._no_column(list(row))
                yield Step(lines.cursor, (self._row(row, at, lines.number),))

    def _csv(self, lines: "_Lines", cursor: Cursor | None, kind: str) -> Steps:
        first = next(lines, "")
        delimiter = "\t" if kind == ".tsv" else max(",;\t", key=first.count)
        rows = csv.reader(itertools.chain([first], lines), delimiter=delimiter)
        header = [name.strip() for name in next(rows, [])]
        at = self._columns(header)
        if "url" not in at:
            raise self._no_column(header)
        lines.go_on(cursor)
        while True:
            try:
                cells = next(rows, None)
            except csv.Error:  # a quotation mark that never ends, for example
                yield Step(lines.cursor, (self._bad(lines.number),))
                continue
            if cells is None:
                return
            row = dict(zip(header, cells, strict=False))
            yield Step(lines.cursor, (self._row(row, at, lines.number),) if any(cells) else ())

    def _parquet(self, cursor: Cursor | None) -> Steps:
        # what reads tables is large, and most lists are texts
        with import_module("scraper.sources.columnar").opened(self._path) as table:
            at = self._columns(table.schema.names)
            if "url" not in at:
                raise self._no_column(table.schema.names)
            wanted = sorted(set(at.values()))
            for first, batch in table.batches(wanted, cursor["row"] if cursor else 0):
                for number, row in enumerate(batch.select(wanted).to_pylist(), first + 1):
                    yield Step({"row": number}, (self._row(row, at, number),), total=table.rows)

    def _columns(self, names: Any) -> dict[str, str]:
        at = fields.columns(names)
        if self._column:
            at.pop("url", None)
            if self._column in names:
                at["url"] = self._column
        return at

    def _row(self, row: Mapping[str, Any], at: Mapping[str, str], number: int) -> Found:
        value = row.get(at.get("url", ""))
        url = value.strip() if isinstance(value, str) else ""
        if not url:
            return self._bad(number)
        named = fields.text(row.get(at.get("name", "")))
        bare = self._bare(url)
        return Found(bare.url, harmless(named) if named else bare.name, fields.provenance("list", row, at))

    def _bare(self, url: str) -> Found:
        # a broken character must not keep the URL from being stored and counted
        url = url[: fields.LONGEST_URL].encode("utf-8", "replace").decode()
        return Found(url, harmless(url.partition("?")[0].rpartition("/")[2] or url), Provenance("list"))

    def _bad(self, number: int) -> Found:
        where = f"{self._path.name}, line {number}"
        return Found(where, where, Provenance("list"))

    def _no_column(self, names: list[str]) -> InputError:
        wanted = f"'{self._column}'" if self._column else "with URLs"
        shown = ", ".join(str(name)[:50] for name in names[:30]) or "none"
        return InputError(
            f"{self._path.name} has no column {wanted}. Its columns: {shown}.",
            "Name the column of the URLs. A file of bare URLs ends in .txt.",
        )

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                if packed:
                    with gzip.open(raw) as stream:
                        yield cast(BinaryIO, stream)
                else:
                    yield raw
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self._path.name} cannot be read to its end: {error}.", "Copy it again.") from error


class _Lines:
    """The lines of a UTF-8 text, and where they stand: ``number`` lines are read. Longer lines are cut."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._offset = 0
        self.number = 0
        start = stream.read(4096)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
            raise InputError(f"{name} is no UTF-8 text.", "Save the list as plain text in UTF-8.")
        stream.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)
        self._offset = stream.tell()

    @property
    def cursor(self) -> Cursor:
        return {"offset": self._offset, "line": self.number}

    def go_on(self, cursor: Cursor | None) -> None:
        """Stand where ``cursor`` says."""
        if cursor is not None:
            self._offset, self.number = cursor["offset"], cursor["line"]
            self._stream.seek(self._offset)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = piece = self._stream.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self._offset += len(line)
        while len(piece) == LONGEST_LINE and not piece.endswith(b"\n"):
            piece = self._stream.readline(LONGEST_LINE)
            self._offset += len(piece)
        self.number += 1
        return line.decode("utf-8", "replace")
