"""Tables with an image column, as Hugging Face datasets are: Parquet and Arrow files, here or on the Hub."""

import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from active_learning.domain.errors import InputError
from scraper.found import Cursor, Found, Page, Provenance, Source
from scraper.outcomes import Outcome, Refused
from scraper.sources import columnar, fields, folder
from scraper.sources.at_hand import MAX_BYTES, Step, Steps, harmless, held, one_after_another, paged, too_big
from scraper.sources.hub import Hub, HubFile

HUB = "hf://"

_USUAL = ("image", "img", "jpg", "jpeg", "png", "picture", "photo")
"""Of several image columns, one of these names is the image."""


def open_table(path: str, *, column: str = "", split: str = "", hub: Hub | None = None) -> Source:
    """Return the source behind ``hf://owner/name``, ``hf://owner/name/config``, or a file or folder of this machine.

    ``column`` is the image column, where there are several; ``split`` one of the dataset, such as ``train``.
    """
    if not path.startswith(HUB):
        return Table(Path(path), column=column, split=split)
    owner, _, rest = path.removeprefix(HUB).removeprefix("datasets/").partition("/")
    name, _, config = rest.strip("/").partition("/")
    return HubDataset(f"{owner}/{name}", config=config, column=column, split=split, hub=hub or Hub())


class Table:
    """The images in a Parquet or Arrow file, or in all those of a folder, row by row.

    The image column holds bytes, structures of bytes and a path (Hugging Face), or URLs, which are fetched. A path
    alone is not followed. Labels are left aside; columns of authors, licences and titles become provenance. A file of a
    split has its name in its path, as in ``data/train-00000-of-00007.parquet``.

    Raises ``InputError`` for files without an image column, or with several and none chosen, naming the columns.
    """

    def __init__(self, path: Path, *, column: str = "", split: str = "", max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._column = column
        self._split = split
        self._max_bytes = max_bytes

    def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        return paged(self._steps(cursor))

    def _steps(self, cursor: Cursor | None) -> Steps:
        files = {file.path: file.absolute for file in folder.files(self._path, columnar.EXTENSIONS, "tables")}
        names = [name for name in files if not self._split or self._split in re.split(r"[/._-]", name)]
        if not names:
            raise InputError(f"No file in {self._path} is of the split '{self._split}'.", "Name another, or none.")

        def walk(name: str, at: Any) -> Iterator[Step]:
            rows = _Rows(files[name].as_uri(), harmless(name), self._column, self._max_bytes, Provenance("table"))
            return rows.steps(files[name], at or 0)

        yield from one_after_another(names, walk, cursor)


class HubDataset:
    """The images of a dataset on the Hugging Face Hub, file after file; each lies on disk only while it is read.

    The licence is the one on the dataset's card, where a row does not have its own.
    """

    def __init__(
        self,
        dataset: str,
        *,
        hub: Hub,
        config: str = "",
        column: str = "",
        split: str = "",
        max_bytes: int = MAX_BYTES,
        scratch: Path | None = None,
    ) -> None:
        self._dataset = dataset
        self._hub = hub
        self._config = config
        self._column = column
        self._split = split
        self._max_bytes = max_bytes
        self._scratch = scratch

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        files = await self._hub.files(self._dataset, self._config, self._split)
        licence, licence_url = await self._hub.licence(self._dataset)
        page = f"{self._hub.base_url}/datasets/{self._dataset}"
        base = Provenance("huggingface", page=page, licence=licence, licence_url=licence_url)
        names = [file.name for file in files]
        first = names.index(cursor["file"]) if cursor and cursor["file"] in names else 0
        for file in files[first:]:
            done = cursor["row"] if cursor and cursor["file"] == file.name else 0
            if cursor and done and done == cursor["rows"]:
                continue
            with tempfile.TemporaryDirectory(prefix="winnow-table-", dir=self._scratch) as scratch:
                path = Path(scratch) / "file.parquet"
                await self._hub.download(file, path)
                async with aclosing(paged(self._steps(path, file, done, base))) as pages:
                    async for found in pages:
                        yield found

    def _steps(self, path: Path, file: HubFile, done: int, base: Provenance) -> Steps:
        name = f"{self._dataset}/{file.name}"
        rows = _Rows(f"{HUB}{name}", name, self._column, self._max_bytes, base)
        for step in rows.steps(path, done):
            # how many rows of how many files there are in all is not known before all are here
            yield replace(step, at={"file": file.name, "row": step.at, "rows": step.total}, total=None)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes the images of the rows of one file. ``name`` is its own; ``address`` is unique to it."""

    address: str
    name: str
    column: str
    max_bytes: int
    base: Provenance

    def steps(self, path: Path, done: int) -> Iterator[Step]:
        """Give the rows after the first ``done``."""
        with columnar.opened(path) as table:
            column = _image_column(table.schema, self.column, self.name)
            at = fields.columns(field.name for field in table.schema if _is_text(field.type) and field.name != column)
            if "url" in at:
                at.setdefault("page", at["url"])
            texts = sorted(set(at.values()))
            for first, batch in table.batches([column, *texts], done):
                images, rows = batch.column(column), batch.select(texts).to_pylist()
                for number in range(batch.num_rows):
                    row = rows[number] if rows else {}
                    found, size = self._found(first + number, images[number].as_py(), row, at)
                    yield Step(first + number + 1, (found,), size, table.rows)

    def _found(self, number: int, value: Any, row: Mapping[str, Any], at: Mapping[str, str]) -> tuple[Found, int]:
        parts = value if isinstance(value, dict) else {}
        data = parts.get("bytes") if parts else value
        path = parts.get("path")
        if data is None and path:
            data = path
        identity = f"{self.name}#{number}"
        named = next((said for field in ("name", "source_id") if (said := fields.text(row.get(at.get(field, ""))))), "")
        named = path if isinstance(path, str) and path else named
        made = fields.provenance(self.base.source, row, at, self.base)
        provenance = replace(made, source_id=identity)
        name = harmless(named) if named and not fields.web_address(named) else identity
        if url := fields.web_address(data):
            return Found(url, name, provenance), 0
        read = self._checked(data)
        size = 0 if isinstance(read, Refused) else len(read)
        return Found(f"{self.address}#{number}", name, provenance, held(read)), size

    def _checked(self, data: Any) -> bytes | Refused:
        if not data:
            return Refused(Outcome.EMPTY, "The row has no image.")
        if isinstance(data, str):
            # the path of a file on whatever machine made the table
            return Refused(Outcome.UNREADABLE, "The row has the name of a file, not its bytes.")
        if len(data) > self.max_bytes:
            return too_big(len(data), self.max_bytes)
        return bytes(data)


def _image_column(schema: pa.Schema, wanted: str, name: str) -> str:
    """Return the column that holds the images; raises ``InputError`` naming the columns that there are."""
    named = ", ".join(schema.names[:30]) or "none"
    if wanted:
        if wanted not in schema.names or not _may_hold_images(schema.field(wanted).type):
            raise InputError(f"{name} has no image column '{wanted}'. Its columns: {named}.", "Name one of them.")
        return wanted
    of_bytes: list[str] = [field.name for field in schema if _may_hold_images(field.type) and not _is_text(field.type)]
    declared = _declared(schema)
    candidates = [one for one in of_bytes if one in declared] or of_bytes
    if len(candidates) > 1:
        plain = {one.lower(): one for one in candidates}
        usual = next((plain[one] for one in _USUAL if one in plain), None)
        if usual is None:
            raise InputError(f"{name} has several image columns: {', '.join(candidates)}.", "Name one of them.")
        return usual
    if candidates:
        return candidates[0]
    url = fields.columns(field.name for field in schema if _is_text(field.type)).get("url")
    if url is None:
        raise InputError(f"{name} has no image column. Its columns: {named}.", "Give a table of images.")
    return url


def _declared(schema: pa.Schema) -> set[str]:
    """Return the columns of which Hugging Face's metadata say that they are images."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name for name, kind in features.items() if isinstance(kind, dict) and kind.get("_type") == "Image"}
    except (KeyError, TypeError, ValueError, AttributeError):
        return set()


def _may_hold_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(kind.field(number).name == "bytes" for number in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
