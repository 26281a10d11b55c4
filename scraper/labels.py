"""Label files: CSV with the columns ``path`` and ``label``, one yes or no an image."""

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path

from active_learning.domain.errors import LabelFileError

WORDS = {"yes": True, "no": False, "1": True, "0": False, "true": True, "false": False}
COLUMNS = ("path", "label")
SHOWN = 5


def read_labels(path: Path, known: Collection[str] | None = None) -> dict[str, bool]:
    """Return yes (True) or no (False) by image path, in the file's order.

    The file is UTF-8, with or without a byte order mark; the header names ``path`` and ``label``, other columns are
    ignored. Labels are yes/no, 1/0 or true/false in any case. Paths are relative to the image folder; a leading ``./``
    and backslashes are put right. With ``known``, the paths of the images, a path that is not among them is an error.
    Raises LabelFileError for a file that is missing, unreadable, without these columns or without labels, for a word
    that is none of the six, for a path labeled both yes and no, and for unknown paths.
    """
    labels: dict[str, bool] = {}
    first_line: dict[str, int] = {}
    for line, image, word in _rows(path):
        value = WORDS.get(word.strip().lower())
        if value is None:
            raise LabelFileError(
                f"{path}, line {line}: the label {word!r} is neither yes nor no.",
                "Write yes or no (or 1/0, true/false).",
            )
        if labels.setdefault(image, value) != value:
            raise LabelFileError(
                f"{path}: {image} is labeled both yes and no (lines {first_line[image]} and {line}).",
                "Keep one of the two lines.",
            )
        first_line.setdefault(image, line)
    if not labels:
        raise LabelFileError(f"{path} holds no labels.", "Add a line for each image, such as: cars/1.jpg,yes")
    if known is not None:
        _check_known(path, labels, known)
    return labels


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, image path put right, label as written) of every line that is not blank."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise LabelFileError(
                f"{path} has no column {' and no column '.join(missing)} in its first line.",
                "The first line must be: path,label (separated by a comma).",
            )
        columns = [header.index(name) for name in COLUMNS]
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(columns):
                raise LabelFileError(f"{path}, line {reader.line_num}: the line is too short.", "Write: path,label")
            yield reader.line_num, _normal(row[columns[0]]), row[columns[1]]
    except csv.Error as error:
        raise LabelFileError(
            f"{path}, line {reader.line_num}: this is not CSV ({error}).", "Save it as CSV, UTF-8, separated by commas."
        ) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise LabelFileError(f"There is no label file {path}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise LabelFileError(f"{path} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error
    except OSError as error:
        raise LabelFileError(f"{path} cannot be read ({error.strerror}).", "Give a readable file.") from error


def _normal(image: str) -> str:
    """Return an image path as ``scraper.sources.folder`` writes it: forward slashes, no leading ``./``."""
    parts = image.strip().replace("\\", "/").split("/")
    while len(parts) > 1 and parts[0] == ".":
        parts = parts[1:]
    return "/".join(parts)


def _check_known(path: Path, labels: Collection[str], known: Collection[str]) -> None:
    images = frozenset(known)
    unknown = [image for image in labels if image not in images]
    if not unknown:
        return
    rest = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
    raise LabelFileError(
        f"{path} names {len(unknown):,} of {len(labels):,} images that are not in the folder: "
        f"{', '.join(unknown[:SHOWN])}{rest}.",
        "Paths must be relative to the image folder.",
    )
