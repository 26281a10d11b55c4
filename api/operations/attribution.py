"""Where an exported image comes from, and the line that its licence asks for."""

import csv
import re
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from active_learning.domain.value import Value
from api.store.connection import Document

CSV = "ATTRIBUTION.csv"
MARKDOWN = "ATTRIBUTION.md"


class Origin(Value):
    """One of the places where an image was found. ``found_by`` is the source, ``licence`` a short name; empty where
    nobody knows."""

    found_by: str
    licence: str
    licence_url: str
    title: str
    author: str
    author_url: str
    page: str
    url: str
    attribution: str


COLUMNS = tuple(Origin.model_fields)


def origin(facts: Document, licences: Collection[str] | None = None) -> Origin | None:
    """Where an image was found first, or first under one of ``licences``; ``None`` where it was not."""
    for place in (facts, *facts.get("places", ())):
        known = place.get("provenance") or {}
        if licences is None or known.get("licence", "") in licences:
            named = {name: known.get(name, "") for name in COLUMNS}
            named |= {"found_by": place.get("source", ""), "url": place.get("url", "")}
            return Origin(**{**named, "attribution": named["attribution"] or _line(named, place.get("name", ""))})
    return None


def _line(known: dict[str, str], name: str) -> str:
    """Title, author, source and licence, as far as they are known."""
    title = known["title"] or name
    parts = [f'"{title}"' if title else "Untitled"]
    if known["author"]:
        parts.append(f"by {known['author']}")
    where = known["page"] or known["url"] or known["found_by"]
    if where:
        parts.append(f"from {where},")
    licence = f"licence: {known['licence'] or 'unknown'}"
    return " ".join([*parts, licence + (f" ({known['licence_url']})" if known["licence_url"] else "")])


class Credits:
    """The two attribution files of a dataset, written image by image: one for machines, one for readers."""

    def __init__(self, folder: Path) -> None:
        self._files = ExitStack()  # closes the one also when the other cannot write its last bytes
        table = self._files.enter_context((folder / CSV).open("w", newline="", encoding="utf-8"))
        self._text = self._files.enter_context((folder / MARKDOWN).open("w", encoding="utf-8"))
        self._rows = csv.DictWriter(table, ("file", "image", *COLUMNS))
        self._rows.writeheader()
        self._text.write("# Attribution\n\nThe images of this dataset, and whom they come from.\n\n")

    def add(self, image: str, file: str, found: Origin) -> None:
        """Credit one image."""
        self._rows.writerow({"file": file, "image": image, **found.model_dump()})
        self._text.write(f"- `{file}`: {_plain(found.attribution)}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()


def _plain(text: str) -> str:
    """On one line, and nothing of it markup: titles and authors are what strangers wrote."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|#&~])", r"\\\1", line)
