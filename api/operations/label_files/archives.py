"""Labels in a zip or tar archive: image folders, WebDataset's samples, a file of any other kind. No image is opened."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from typing import IO

from active_learning.domain.errors import LabelFileError
from api.operations.label_files import annotations, tables
from api.operations.label_files.said import Said

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
LARGEST = 256 * 1024 * 1024
"""Bytes that are unpacked of one archive: labels are small, and an archive may claim anything."""

MEMBERS = 3_000_000
SHARD = ".tar"
TEXTS = ("metadata.jsonl", "metadata.csv", "labels.jsonl", "labels.csv", "labels.parquet")


class _Archive:
    """The names of an archive's files, and the bytes of those that are asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._left = LARGEST
        try:
            if zipfile.is_zipfile(file):
                self._zip: zipfile.ZipFile | None = zipfile.ZipFile(file)
                self.names = [one.filename for one in self._zip.infolist() if not one.is_dir()]
            else:
                self._zip = None
                file.seek(0)
                self._tar = tarfile.open(fileobj=file)  # noqa: SIM115 - it is read as long as this lives
                self.names = [one.name for one in self._tar.getmembers() if one.isfile()]
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
            raise LabelFileError(f"The archive cannot be read ({error}).", "Pack it again, as zip or tar.") from error
        if len(self.names) > MEMBERS:
            raise LabelFileError(f"The archive has more than {MEMBERS:,} files.", "Split it.")

    def open(self, name: str) -> IO[bytes]:
        """One file, to be read in parts."""
        file = self._zip.open(name) if self._zip else self._tar.extractfile(name)
        return io.BytesIO() if file is None else file

    def read(self, name: str) -> bytes:
        """One file; raises :class:`LabelFileError` when the archive unpacks to too much."""
        try:
            data = self.open(name).read(self._left + 1)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
            raise LabelFileError(f"'{name}' cannot be unpacked ({error}).", "Pack it again.") from error
        self._left -= len(data)
        if self._left < 0:
            raise LabelFileError("The archive unpacks to too much.", "Leave only the labels in it.")
        return data


def read(data: bytes) -> Iterator[Said]:
    """The surest that an archive has: WebDataset's samples, tables, annotations, or the folders that images lie in."""
    archive = _Archive(io.BytesIO(data))
    if any(name.endswith(".cls") for name in archive.names):
        yield from _samples(archive)
        return
    shards = [name for name in archive.names if name.endswith(SHARD)]
    if shards:
        for name in shards:
            yield from _samples(_Archive(archive.open(name)))
        return
    files = [name for name in archive.names if name.rpartition("/")[2] in TEXTS]
    files = files or [name for name in archive.names if name.endswith((".json", ".xml")) and "manifest" not in name]
    for name in files:
        for said in _file(name, archive.read(name)):
            yield said._replace(where=f"{name}, {said.where}")
    if not files:
        yield from _folders(archive)


def _file(name: str, data: bytes) -> Iterator[Said]:
    if name.endswith(".xml"):
        return annotations.read_cvat_xml(data)
    if name.endswith(".jsonl"):
        return tables.read_jsonl(data)
    if name.endswith(".csv"):
        return tables.read_csv(data)
    if name.endswith(".parquet"):
        return tables.read_parquet(data)
    readers = {
        "coco": annotations.read_coco,
        "label-studio": annotations.read_label_studio,
        "cvat-json": annotations.read_cvat_json,
    }
    return readers.get(annotations.guess_json(data), tables.read_json)(data)


def _samples(archive: _Archive) -> Iterator[Said]:
    for name in archive.names:
        if name.endswith(".cls"):
            yield Said(name.removesuffix(".cls"), (archive.read(name).decode(errors="replace").strip(),), name)


def _folders(archive: _Archive) -> Iterator[Said]:
    """``.../yes/1.jpg``: an image is what the folder that it lies in is called."""
    for name in archive.names:
        folder, _, _ = name.rpartition("/")
        if name.lower().endswith(PICTURES) and folder:
            yield Said(name, (folder.rpartition("/")[2],), name)
