"""Lists of images that a curator hands in: a text file, CSV or JSONL of image ids or file names."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence

from active_learning.domain.errors import InputError
from active_learning.domain.value import Value

LINES = 20_000
"""Lines that a list may have."""

COLUMNS = ("image", "id", "sha256", "image_id", "name", "file", "file_name", "filename", "path")
"""What the column or field that names the image may be called; the first one that is there counts."""

DIGEST = re.compile(r"[0-9a-fA-F]{64}")
SAMPLE = 65_536


class Line(Value):
    """What stands in a line that names an image: an id (in small letters) or a file name."""

    number: int
    text: str

    @property
    def is_id(self) -> bool:
        """Whether it is a sha256."""
        return DIGEST.fullmatch(self.text) is not None


class Listed(Value):
    """The lines of a list, and those that could not be read, with why."""

    lines: tuple[Line, ...]
    unreadable: tuple[tuple[Line, str], ...] = ()


def read(data: bytes) -> Listed:
    """Read a list: JSONL if its first line is a JSON value, CSV if its first line names a column, else one a line.

    Empty lines, and in plain text those that begin with #, are passed over. Raises :class:`InputError` for what is no
    text, names nothing, or is longer than ``LINES``.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("This is not a text file in UTF-8.", "Save the list as plain text, CSV or JSONL.") from error
    if "\0" in text:
        raise InputError("This is not a text file.", "Save the list as plain text, CSV or JSONL.")
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.startswith(("{", '"')) and _is_json(first):
        found = _json_lines(text)
    elif (delimiter := _delimiter(first)) is not None:
        found = _table(text, delimiter)
    else:
        found = _plain(text)
    lines: list[Line] = []
    unreadable: list[tuple[Line, str]] = []
    for line, why in found:
        if len(lines) + len(unreadable) >= LINES:
            raise InputError(f"The list has more than {LINES:,} lines.", "Split it into several task sets.")
        if why:
            unreadable.append((line, why))
        else:
            lines.append(line)
    if not lines and not unreadable:
        raise InputError("The list names no image.", "Write one image id or file name a line.")
    return Listed(lines=tuple(lines), unreadable=tuple(unreadable))


def of(names: Sequence[str]) -> Listed:
    """The same for names that a program sends."""
    return Listed(lines=tuple(_line(number, name) for number, name in enumerate(names, start=1)))


Found = Iterator[tuple[Line, str]]


def _line(number: int, text: str) -> Line:
    text = text.strip()
    return Line(number=number, text=text.lower() if DIGEST.fullmatch(text) else text)


def _plain(text: str) -> Found:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _line(number, line), ""


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _json_lines(text: str) -> Found:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Line(number=number, text=line.strip()[:200]), "it is no JSON"
            continue
        named = value if isinstance(value, str) else _named(value)
        if named is None:
            yield (
                Line(number=number, text=line.strip()[:200]),
                f"it has no field {COLUMNS[0]}, {COLUMNS[1]} or the like",
            )
        else:
            yield _line(number, named), ""


def _named(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    return next(
        (str(value[name]) for name in COLUMNS if isinstance(value.get(name), str) and value[name].strip()), None
    )


def _delimiter(first: str) -> str | None:
    """What separates the columns of a table whose first line names one of ``COLUMNS``; ``None`` where it is none."""
    for delimiter in (",", ";", "\t"):
        header = [name.strip().strip('"').lower() for name in first.split(delimiter)]
        if set(header) & set(COLUMNS):
            return delimiter
    return None


def _table(text: str, delimiter: str) -> Found:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = [name.strip().lower() for name in row]
                column = next(header.index(name) for name in COLUMNS if name in header)
            elif column < len(row) and row[column].strip():
                yield _line(rows.line_num, row[column]), ""
            else:
                yield (
                    Line(number=rows.line_num, text=delimiter.join(row)[:200]),
                    f"its column {header[column]} is empty",
                )
    except csv.Error as error:
        yield Line(number=rows.line_num, text=""), f"the table breaks off here: {error}"
