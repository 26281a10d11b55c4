"""Images from a folder of this machine."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from active_learning.domain.errors import InputError
from active_learning.domain.value import Value

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class Found(Value):
    """One image file: ``path`` is relative to the searched folder with forward slashes, ``absolute`` opens it."""

    path: str
    absolute: Path


def find(folder: Path) -> Iterator[Found]:
    """Return the image files in ``folder`` and below it, sorted by relative path; hidden files and folders are skipped.

    A file counts by its extension; whether its bytes are an image is for ``scraper.inspect`` to say. Folders behind
    symbolic links are searched too, each real folder once, so links that run in circles end.
    Raises InputError at the call for a folder that is missing, no folder, or without image files; while iterating for
    one that cannot be read and for a file name that is not valid UTF-8.
    """
    if not folder.exists():
        raise InputError(f"There is no folder {folder}.", "Check the path; a relative one starts where you stand.")
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "Give the folder that holds the images.")
    found = _walk(folder, "", {folder.resolve()})
    first = next(found, None)
    if first is None:
        raise InputError(
            f"There are no image files in {folder}.", f"Put files ending in {', '.join(sorted(EXTENSIONS))} there."
        )
    return itertools.chain([first], found)


def _walk(folder: Path, prefix: str, seen: set[Path]) -> Iterator[Found]:
    """Yield one folder's files, in order, ``prefix`` before their names; ``seen`` holds the real folders visited."""
    for name, is_folder in _listing(folder):
        entry = folder / name
        if is_folder:
            real = entry.resolve()
            if real not in seen:
                seen.add(real)
                yield from _walk(entry, f"{prefix}{name}/", seen)
        elif entry.suffix.lower() in EXTENSIONS:
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
