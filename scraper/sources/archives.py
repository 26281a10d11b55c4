"""Images in archives: tar in every compression, zip, and the shards of WebDataset."""

import bz2
import functools
import gzip
import itertools
import json
import lzma
import re
import tarfile
import threading
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

import pyarrow as pa

from active_learning.domain.errors import InputError
from scraper.found import Cursor, Found, Page
from scraper.outcomes import Outcome, Refused
from scraper.sources import fields, folder
from scraper.sources.at_hand import MAX_BYTES, Step, Steps, harmless, held, one_after_another, paged, too_big

EXTENSIONS = frozenset({".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".zip"})

MOST_SHARDS = 100_000
"""What a pattern may stand for."""
SIDECAR_BYTES = 1024 * 1024
"""A .json or .txt file beside an image is read up to this size."""
MOST_OF_A_SAMPLE = 32
"""A WebDataset sample has so many files at most; then its images go on their way."""
EXPANSION = 200
"""How many times larger than its compressed form a tar may become. Images hardly become smaller by compression."""
EXPANSION_FREE = 256 * 1024 * 1024

_COMPRESSIONS: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"\x5d\0\0", lzma.open),
    (b"\x28\xb5\x2f\xfd", functools.partial(pa.input_stream, compression="zstd")),
)
_SIDECARS = (".json", ".txt")
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, pa.ArrowException)


class Archive:
    """The images in an archive, in all archives of a folder, or in those that a pattern stands for.

    ``path`` is a file, a folder, or a pattern such as ``shards/cars-{0000..0127}.tar``. In a tar, a .json or .txt file
    with the same name before its first dot, just before or behind an image, says where the image is from: that is how
    WebDataset and img2dataset keep it. Nothing is unpacked to disk. Members of a tar are read while it streams by;
    those of a zip when they are wanted, and its directory is held in memory (some 0.5 KB a member).

    A member with more than ``max_bytes`` is refused when it is read. Raises ``InputError`` for what is no archive, an
    encrypted one, one that expands like a bomb, and at the end of what could be read of a damaged one.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = str(path)
        self._max_bytes = max_bytes

    def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        return paged(self._steps(cursor))

    def _steps(self, cursor: Cursor | None) -> Steps:
        files = _files(self._path)
        names = sorted(files)

        def walk(name: str, at: Any) -> Iterator[Step]:
            path = files[name]
            shelf = _Shelf(path, f"{name}/" if len(names) > 1 else "", self._max_bytes)
            with _explained(path):
                yield from _zipped(shelf, at or 0) if zipfile.is_zipfile(path) else _tarred(shelf, at or 0)

        yield from one_after_another(names, walk, cursor)


class _Shelf:
    """Makes the images that are found of the members of one archive."""

    def __init__(self, path: Path, prefix: str, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._address = path.absolute().as_uri()
        self._prefix = prefix

    def found(self, number: int, name: str, read: Any, about: dict[str, Any] | None = None) -> Found:
        """Return member ``number``; the number keeps two members apart that have the same name."""
        plain = harmless(name)
        row = {"source_id": plain} | (about or {})
        at = fields.columns(row)
        if "url" in at:
            at.setdefault("page", at["url"])
        return Found(
            url=f"{self._address}#{number}/{quote(plain)}",
            name=self._prefix + plain,
            provenance=fields.provenance("archive", row, at),
            read=read,
        )


def _is_image(name: str) -> bool:
    plain = harmless(name).lower()
    return plain.endswith(tuple(folder.EXTENSIONS)) and not plain.rpartition("/")[2].startswith(".")


# zip


def _zipped(shelf: _Shelf, done: int) -> Iterator[Step]:
    """``done`` images are behind us. The file is closed when nobody holds an image of it any more."""
    archive = zipfile.ZipFile(shelf.path)
    members = [info for info in archive.infolist() if not info.is_dir() and _is_image(info.filename)]
    if any(info.flag_bits & 1 for info in members):
        raise InputError(f"{shelf.path.name} is encrypted.", "Make one without a password.")
    lock = threading.Lock()
    for number, info in enumerate(members[done:], done + 1):
        read = functools.partial(_unzip, archive, lock, info, shelf.max_bytes)
        yield Step(number, (shelf.found(number, info.filename, read),), total=len(members))


def _unzip(archive: zipfile.ZipFile, lock: threading.Lock, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    if info.file_size > max_bytes:
        raise too_big(info.file_size, max_bytes)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        # zipfile unpacks the other methods without a bound
        raise Refused(Outcome.UNREADABLE, "It is compressed by a method other than deflate.")
    try:
        # what unpacks to more than the directory says fails by its checksum
        with lock, archive.open(info) as member:
            return member.read(info.file_size)
    except (*_BROKEN, NotImplementedError, RuntimeError) as error:
        raise Refused(Outcome.UNREADABLE, f"The archive is damaged here: {error}.") from error


# tar


class _Member(tarfile.TarInfo):
    """A header that is not one is an error in the middle of an archive too, and long names have a bound."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Member":
        try:
            return super().fromtarfile(tar)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        extra = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if self.type in extra and self.size > SIDECAR_BYTES:
            raise tarfile.ReadError("a member's name has no end")
        return super()._proc_member(tar)  # type: ignore[misc]


def _tarred(shelf: _Shelf, done: int) -> Iterator[Step]:
    """``done`` members are behind us: to get there, a tar must be read."""
    with _unpacked(shelf.path) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar:
        members = iter(functools.partial(_next, tar), None)
        for _ in itertools.islice(members, done):
            pass
        sample = _Sample(shelf, done)
        try:
            for number, info in enumerate(members, done + 1):
                if sample.ends_before(info.name):
                    yield sample.step()
                    sample = _Sample(shelf, number - 1)
                sample.add(number, tar, info)
        except _BROKEN:
            yield sample.step()
            raise
        yield sample.step()


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    tar.members = []  # type: ignore[attr-defined]  # it would keep every member that it has seen
    return tar.next()


class _Sample:
    """Members in a row with the same name before the first dot."""

    def __init__(self, shelf: _Shelf, done: int) -> None:
        self._shelf = shelf
        self._key: str | None = None
        self._members = 0
        self._size = 0
        self._about: dict[str, Any] = {}
        self._images: list[tuple[int, str, bytes | Refused]] = []
        self._last = done

    def ends_before(self, name: str) -> bool:
        full = self._members >= MOST_OF_A_SAMPLE or self._size > self._shelf.max_bytes
        return self._key is not None and (full or _key(name) != self._key)

    def add(self, number: int, tar: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        self._key = _key(info.name)
        self._members += 1
        if not info.isreg():
            pass
        elif _is_image(info.name):
            over = info.size > self._shelf.max_bytes
            data = too_big(info.size, self._shelf.max_bytes) if over else _bytes(tar, info)
            self._images.append((number, info.name, data))
            self._size += 0 if isinstance(data, Refused) else len(data)
        elif info.name.lower().endswith(_SIDECARS) and info.size <= SIDECAR_BYTES:
            self._about = _about(info.name, _bytes(tar, info)) | self._about
        self._last = number

    def step(self) -> Step:
        """Return the images, which are only complete now: what says where they are from may come behind them."""
        images = (self._shelf.found(number, name, held(data), self._about) for number, name, data in self._images)
        return Step(self._last, tuple(images), self._size)


def _key(name: str) -> str:
    where, _, file = name.rpartition("/")
    return f"{where}/{file.partition('.')[0]}"


def _bytes(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    member = tar.extractfile(info)
    assert member is not None
    return member.read()


def _about(name: str, data: bytes) -> dict[str, Any]:
    text = data.decode("utf-8", "replace")
    if name.lower().endswith(".txt"):
        return {"title": text}
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


# compression


class _Bounded:
    """Bytes out of a decompressor, as long as they are in proportion to those that went in."""

    def __init__(self, unpacked: Any, packed: IO[bytes], size: int) -> None:
        self._unpacked = unpacked
        self._packed = packed
        self._size = size
        self._given = 0

    def read(self, size: int) -> bytes:
        data: bytes = self._unpacked.read(size)
        self._given += len(data)
        if self._given > EXPANSION_FREE and self._given > EXPANSION * self._taken():
            raise tarfile.ReadError(f"it expands more than {EXPANSION} times: a decompression bomb")
        return data

    def _taken(self) -> int:
        return self._size if self._packed.closed else self._packed.tell()


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as packed:
        start = packed.read(6)
        packed.seek(0)
        opener = next((opener for mark, opener in _COMPRESSIONS if start.startswith(mark)), None)
        if opener is None:
            yield packed
        else:
            with opener(packed) as opened:
                yield cast(IO[bytes], _Bounded(opened, packed, path.stat().st_size))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path.name} is damaged or no archive: {reason}.", "Copy or download it again.") from error


# which archives


def _files(path: str) -> dict[str, Path]:
    """Return the archives by their names, which tell them apart."""
    if "{" not in path:
        return {file.path: file.absolute for file in folder.files(Path(path), EXTENSIONS, "archives")}
    where = path[: path.index("{")].rpartition("/")[0]
    expanded = list(itertools.islice(_expanded(path), MOST_SHARDS + 1))
    if len(expanded) > MOST_SHARDS:
        raise InputError(f"{path} stands for more than {MOST_SHARDS:,} files.", "Give the folder instead.")
    files = {one[len(where) :].lstrip("/"): Path(one) for one in expanded}
    missing = next((file for file in files.values() if not file.is_file()), None)
    if missing is not None:
        raise InputError(f"There is no {missing}, for which {path} stands.", "Check the numbers in the braces.")
    return files


def _expanded(pattern: str) -> Iterator[str]:
    """Expand ``{000..127}`` and ``{a,b}`` as a shell does."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        yield pattern
        return
    span = re.fullmatch(r"(\d+)\.\.(\d+)", match[1])
    if span:
        width = len(span[1]) if span[1].startswith("0") else 0
        words: Iterator[str] = (str(number).zfill(width) for number in range(int(span[1]), int(span[2]) + 1))
    else:
        words = iter(match[1].split(","))
    for word in words:
        yield from _expanded(pattern[: match.start()] + word + pattern[match.end() :])
