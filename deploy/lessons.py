"""The file in which a researcher names lessons and examples: CSV with image, answer, why and kind."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from active_learning.domain.category import Example
from active_learning.domain.errors import InputError
from active_learning.domain.value import Value
from api.operations.context import Winnow
from scraper.labels import WORDS

KINDS = ("lesson", "example")
HEADER = "The first line must be: image,answer,why,kind (why and kind may be left out)."
SHA256 = re.compile("[0-9a-f]{64}")


class Row(Value):
    """One line. ``image`` is a sha256 or the name under which the image was imported."""

    line: int
    image: str
    answer: bool
    why: str
    kind: str


def read(path: Path) -> list[Row]:
    """The lines of a file, in its order; a line without a kind is a lesson.

    The column of images may be called ``image``, ``path`` or ``name``. Raises :class:`InputError` for a file that
    cannot be read, without these columns or without lines, and for words that are neither yes nor no, nor a kind.
    """
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        fields = {name.strip().lower(): name for name in reader.fieldnames or ()}
        column = next((name for name in ("image", "path", "name") if name in fields), None)
        if column is None or "answer" not in fields:
            raise InputError(f"{path} has no column image, or no column answer.", HEADER)
        rows = [
            _row(path, reader.line_num, {name: (line.get(fields[name]) or "").strip() for name in fields}, column)
            for line in reader
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Save it as CSV in UTF-8.") from error
    if not rows:
        raise InputError(f"{path} names no image.", HEADER)
    return rows


def _row(path: Path, line: int, cells: Mapping[str, str], column: str) -> Row:
    answer = WORDS.get(cells["answer"].lower())
    if answer is None:
        raise InputError(f"{path}, line {line}: the answer '{cells['answer']}' is neither yes nor no.")
    kind = cells.get("kind", "").lower() or KINDS[0]
    if kind not in KINDS:
        raise InputError(f"{path}, line {line}: the kind '{kind}' is neither lesson nor example.")
    return Row(line=line, image=cells[column], answer=answer, why=cells.get("why", ""), kind=kind)


async def resolve(w: Winnow, slug: str, rows: Sequence[Row]) -> dict[str, list[Example]]:
    """The images that the lines mean, by kind.

    Raises :class:`InputError` for a name that no image of the category has, or that several have, and for a reason
    that is too long.
    """
    names = [row.image for row in rows if not SHA256.fullmatch(row.image)]
    found = await w.store.images.named(names)
    here = await w.store.candidates.shown(slug, [document["_id"] for document in found])
    by_name: dict[str, list[str]] = {}
    for document in found:
        if document["_id"] in here:
            by_name.setdefault(document["name"], []).append(document["_id"])
    named: dict[str, list[Example]] = {}
    for row in rows:
        images = [row.image] if SHA256.fullmatch(row.image) else by_name.get(row.image, [])
        if len(images) != 1:
            what = "No image" if not images else "More than one image"
            raise InputError(f"Line {row.line}: {what} of '{slug}' is called '{row.image}'.", "Use its sha256 instead.")
        try:
            example = Example(image=images[0], answer=row.answer, why=row.why)
        except ValidationError as error:
            raise InputError(f"Line {row.line}: the reason is longer than 300 characters.", "Shorten it.") from error
        named.setdefault(row.kind, []).append(example)
    return named
