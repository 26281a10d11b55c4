"""Images from a folder of this machine."""

import functools
import itertools
import os
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

from active_learning.domain.errors import InputError
from active_learning.domain.value import Value
from scraper import found as stream
from scraper.found import Cursor, Page, Provenance
from scraper.sources.at_hand import MAX_BYTES, Step, Steps, paged, read_file

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class Found(Value):
    """One image file: ``path`` is relative to the searched folder with forward slashes, ``absolute`` opens it."""

    path: str
    absolute: Path


class Folder:
    """The image files in ``path`` and below it, or the one file that it is.

    A file with more than ``max_bytes`` is refused when it is read.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes

    def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        return paged(self._steps(cursor))

    def _steps(self, cursor: Cursor | None) -> Steps:
        after = cursor["after"] if cursor else ""
        for file in files(self._path, EXTENSIONS, "image files"):
            if file.path <= after:
                continue
            image = stream.Found(
                url=file.absolute.as_uri(),
                name=file.path,
                provenance=Provenance("folder"),
                read=functools.partial(read_file, file.absolute, self._max_bytes),
            )
            yield Step({"after": file.path}, (image,))


def files(path: Path, extensions: Collection[str], what: str) -> Iterator[Found]:
    """Return the file that ``path`` is, whatever its name, or those in the folder that it is, as ``find`` does."""
    if not path.exists():
        raise InputError(f"There is no {path}.", "Check the path; a relative one starts where you stand.")
    if path.is_file():
        return iter([Found(path=_readable(path.name, path.parent), absolute=path.absolute())])
    return find(path, extensions, what)


def find(folder: Path, extensions: Collection[str] = EXTENSIONS, what: str = "image files") -> Iterator[Found]:
    """Return the image files in ``folder`` and below it, sorted by relative path; hidden files and folders are skipped.

    A file counts by its extension; whether its bytes are an image is for ``scraper.inspect`` to say. Folders behind
    symbolic links are searched too, each real folder once, so links that run in circles end. Files of another kind are
    found by their ``extensions``; ``what`` is what people call them.
    Raises InputError at the call for a folder that is missing, no folder, or without image files; while iterating for
    one that cannot be read and for a file name that is not valid UTF-8.
    """
    if not folder.exists():
        raise InputError(f"There is no folder {folder}.", "Check the path; a relative one starts where you stand.")
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "Give the folder that holds the images.")
    found = _walk(folder, "", {folder.resolve()}, tuple(extensions))
    first = next(found, None)
    if first is None:
        raise InputError(
            f"There are no {what} in {folder}.", f"Put files ending in {', '.join(sorted(extensions))} there."
        )
    return itertools.chain([first], found)


def _walk(folder: Path, prefix: str, seen: set[Path], endings: tuple[str, ...]) -> Iterator[Found]:
    """Yield one folder's files, in order, ``prefix`` before their names; ``seen`` holds the real folders visited."""
    for name, is_folder in _listing(folder):
        entry = folder / name
        if is_folder:
            real = entry.resolve()
            if real not in seen:
                seen.add(real)
                yield from _walk(entry, f"{prefix}{name}/", seen, endings)
        elif name.lower().endswith(endings):
            yield Found(path=_readable(f"{prefix}{name}", folder), absolute=entry.absolute())


def _listing(folder: Path) -> list[tuple[str, bool]]:
    """Return (name, is a folder) of what is visible, in the order that sorts the whole tree by relative path."""
    try:
        with os.scandir(folder) as entries:
            visible = [(entry.name, entry.is_dir()) for entry in entries if _counts(entry)]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}).", "Check its permissions.") from error
    # a folder sorts as "name/": so "a-1.png" comes before "a/1.png", as it does between whole paths
    return sorted(visible, key=lambda item: item[0] + "/" * item[1])


def _counts(entry: os.DirEntry[str]) -> bool:
    """Return whether a directory entry is a visible file or folder; a link that leads nowhere is neither."""
    return not entry.name.startswith(".") and (entry.is_file() or entry.is_dir())


def _readable(path: str, folder: Path) -> str:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"A file name in {folder} is not valid UTF-8: {path!r}.", "Rename the file.") from error
    return path
