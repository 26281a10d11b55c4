"""A dataset version in a folder of this machine: written file by file, so that a run that was killed goes on."""

import hashlib
import json
import os
import tarfile
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from active_learning.domain.errors import InputError
from active_learning.domain.value import Value
from api.operations import downloading, formats
from api.operations.context import Winnow
from api.operations.downloading import AHEAD
from api.operations.formats.layout import TAR_BLOCK, File, Members, Picture, Tree
from api.store.connection import Document

MARK = ".winnow-dataset.json"
"""Says which version a folder holds, and in which format."""

Told = Callable[[int, int], None]
"""Called with the bytes that are there, and how many there will be."""


class Taken(Value):
    """What lies in a folder now."""

    version: int
    format: str
    folder: str
    files: int
    size: int


class Wrong(Value):
    """A file that is missing or is not what it was."""

    path: str
    why: str


def interrupted(slug: str, out: Path) -> int | None:
    """The version that a folder holds, or began to hold; ``None`` where it holds none of this category."""
    mark = _mark(out)
    return int(mark["version"]) if mark and mark["category"] == slug else None


async def take(w: Winnow, slug: str, number: int, name: str, out: Path, told: Told) -> Taken:
    """Write a version in one format to ``out``. A repeat writes what is missing; a file that is there is whole.

    Raises :class:`InputError` when ``out`` holds something else, or when the disk does not take it.
    """
    chosen = formats.chosen(name)
    document = await downloading.ready(w, slug, number)
    mark = {"category": slug, "version": number, "revision": document["revision"], "format": chosen.name}
    tree = await downloading.tree_of(w, document, chosen)
    total = _size(tree)
    files = size = 0
    try:
        _begin(out, mark)
        for entry in tree:
            async for written in _members(w, entry, out) if isinstance(entry, Members) else _file(w, entry, out):
                size += written
                files += isinstance(entry, Members)
                told(size, total)
            files += isinstance(entry, File)
    except OSError as error:
        raise InputError(
            f"The dataset cannot be written to {out}: {error.strerror}.",
            "Free some space and start again: it goes on; or choose another --out.",
        ) from error
    return Taken(version=number, format=chosen.name, folder=str(out), files=files, size=size)


def _size(tree: Tree) -> int:
    return sum(
        entry.size if isinstance(entry, File) else sum(section.size for section in entry.sections) for entry in tree
    )


def _mark(out: Path) -> dict[str, Any] | None:
    try:
        mark: dict[str, Any] = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark


def _begin(out: Path, mark: dict[str, Any]) -> None:
    _check_target(out, mark)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text(json.dumps(mark, sort_keys=True) + "\n", encoding="utf-8")


def _check_target(out: Path, mark: dict[str, Any]) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    there = _mark(out)
    if there is None:
        raise InputError(f"{out} exists and is not a dataset of Winnow.", "Choose a new or empty folder for --out.")
    if there != mark:
        raise InputError(
            f"{out} holds version {there['version']} of '{there['category']}' as {there['format']}, "
            f"revision {there['revision']}.",
            "Choose a new folder for another one.",
        )


async def _file(w: Winnow, file: File, out: Path) -> AsyncIterator[int]:
    """One file, from where a run that was killed left it: its bytes are always the same."""
    path = out / file.path
    if path.exists() and path.stat().st_size == file.size:
        yield file.size
        return
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    start = part.stat().st_size if part.exists() else 0
    if start > file.size:
        part.unlink()
        start = 0
    yield start
    with part.open("ab") as open_:
        async for data in downloading.read(w, file, start):
            open_.write(data)
            yield len(data)
        open_.flush()
        os.fsync(open_.fileno())
    part.replace(path)


async def _members(w: Winnow, members: Members, out: Path) -> AsyncIterator[int]:
    """The images of every block that are not there yet; one file an image, put in its place when it is whole."""
    for section in members.sections:
        pending: list[tuple[str, Picture]] = []
        for path, picture in _named(list(formats.MAKERS[section.kind](await downloading.block_rows(w, section), ""))):
            pending.append((path, picture))
            if len(pending) == AHEAD:
                async for written in _write(w, pending, out):
                    yield written
                pending = []
        async for written in _write(w, pending, out):
            yield written


def _named(parts: Sequence[bytes | Picture]) -> list[tuple[str, Picture]]:
    """The images among the parts of a tar archive, with their paths: each stands behind its header."""
    found = []
    for before, part in pairwise(parts):
        if isinstance(part, Picture) and isinstance(before, bytes):
            found.append((tarfile.TarInfo.frombuf(before, "utf-8", "strict").name, part))
    return found


async def _write(w: Winnow, wanted: Sequence[tuple[str, Picture]], out: Path) -> AsyncIterator[int]:
    missing = [(path, one) for path, one in wanted if not _there(out / path, one)]
    blobs = await downloading.pictures(w, [picture for _, picture in missing])
    for path, picture in missing:
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(blobs[picture.image])
        part.replace(target)
    for _, picture in wanted:
        yield TAR_BLOCK + picture.size + -picture.size % TAR_BLOCK


def _there(path: Path, picture: Picture) -> bool:
    return path.exists() and path.stat().st_size == picture.size


async def verify(w: Winnow, slug: str, number: int, out: Path | None = None) -> list[Wrong]:
    """Compare every file of a folder with what the version says; without a folder, what the database holds of it."""
    document = await downloading.ready(w, slug, number)
    if out is None:
        return [wrong async for wrong in _stored(w, document)]
    mark = _mark(out)
    if mark is None or (mark["category"], mark["version"]) != (slug, number):
        raise InputError(f"{out} holds no version {number} of '{slug}'.", "Name the folder that it was exported to.")
    chosen = formats.chosen(mark["format"])
    if mark["revision"] != document["revision"]:
        why = f"it is revision {mark['revision']}, and {document['revision']} is there: images were taken down"
        return [Wrong(path=str(out), why=why)]
    known = {one["path"]: one["sha256"] for one in document["files"][chosen.name]}
    wrong = [Wrong(path=path, why=why) for path, digest in known.items() if (why := _difference(out / path, digest))]
    for entry in await downloading.tree_of(w, document, chosen):
        for section in entry.sections if isinstance(entry, Members) else ():
            rows = await downloading.block_rows(w, section)
            for path, picture in _named(list(formats.MAKERS[section.kind](rows, ""))):
                if why := _difference(out / path, picture.image):
                    wrong.append(Wrong(path=path, why=why))
    return wrong


def _difference(path: Path, digest: str) -> str:
    if not path.exists():
        return "it is missing"
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == digest
    return "" if same else "its checksum differs"


async def _stored(w: Winnow, document: Document) -> AsyncIterator[Wrong]:
    for name, files in document["files"].items():
        tree = await downloading.tree_of(w, document, formats.chosen(name))
        digests = {file["path"]: file["sha256"] for file in files}
        for entry in tree:
            if isinstance(entry, File) and entry.path in digests:
                digest = hashlib.sha256()
                async for data in downloading.read(w, entry, verify=True):
                    digest.update(data)
                if digest.hexdigest() != digests[entry.path]:
                    yield Wrong(path=f"{name}: {entry.path}", why="its checksum differs")
