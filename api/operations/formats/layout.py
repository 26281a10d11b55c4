"""Files that exist only while somebody reads them: known byte for byte beforehand, readable from any byte on.

A file is a row of sections: bytes, or what a format makes of a block of rows. How long each section is was measured
when the version was frozen, so that a download knows its length, and goes on in the middle without making what is
before.
"""

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from api.operations.dataset_rows import Row

TAR_BLOCK = 512
END_OF_TAR = bytes(2 * TAR_BLOCK)


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of an image, which are not read before they are sent."""

    image: str
    size: int

    def __len__(self) -> int:
        return self.size


Part = bytes | Picture
Maker = Callable[[Sequence[Row], str], Iterator[Part]]
"""What a format makes of a block of rows: the same rows give the same bytes. The text is the folder that members of an
archive are in, such as ``car-v1/``; it does not change how many bytes there are."""


@dataclass(frozen=True, slots=True)
class Given:
    """Bytes that are known at once."""

    data: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class OfBlock:
    """What maker ``kind`` makes of the rows of ``block``, without its first ``skip`` bytes: ``size`` bytes.

    ``root`` is the folder that its members are in.
    """

    block: str
    kind: str
    size: int
    skip: int = 0
    root: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was made when the version was frozen and is stored under its sha256."""

    digest: str
    size: int


Section = Given | OfBlock | Stored


@dataclass(frozen=True)
class File:
    """One file: its path below the dataset's folder, and what it consists of."""

    path: str
    sections: tuple[Section, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(section.size for section in self.sections)


@dataclass(frozen=True)
class Members:
    """Many small files: the images of some blocks, as a maker puts them into a tar archive."""

    sections: tuple[OfBlock, ...]


Tree = tuple[File | Members, ...]
"""A dataset in one format."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A block without its rows: its split, how many rows it has, how many bytes each maker makes of them."""

    id: str
    split: str
    rows: int
    sizes: Mapping[str, int]

    def section(self, kind: str, skip: int = 0) -> OfBlock:
        """What a maker makes of it."""
        return OfBlock(self.id, kind, self.sizes[kind] - skip, skip)


def sections(outline: Iterable[Outline], kind: str) -> tuple[OfBlock, ...]:
    """What a maker makes of several blocks; those without rows make nothing."""
    return tuple(block.section(kind) for block in outline if block.rows)


def header(path: str, size: int) -> bytes:
    """The 512 bytes before a file of ``size`` bytes in a tar archive. Nothing in it depends on who makes it, or when.

    Raises ``ValueError`` for a path or a size that POSIX's ustar format cannot say (256 characters, 8 GiB).
    """
    member = tarfile.TarInfo(path)
    member.size, member.mode = size, 0o644
    return member.tobuf(tarfile.USTAR_FORMAT)


def padding(size: int) -> bytes:
    """What follows a file of ``size`` bytes in a tar archive, so that the next one begins at a multiple of 512."""
    return bytes(-size % TAR_BLOCK)


def member(path: str, content: Part) -> Iterator[Part]:
    """A file in a tar archive."""
    yield header(path, len(content))
    yield content
    yield padding(len(content))


def archive(path: str, tree: Tree, root: str) -> File:
    """The whole tree in one tar archive, below the folder ``root``, such as ``car-v1/``."""
    found: list[Section] = []
    for entry in tree:
        if isinstance(entry, Members):
            found += [replace(section, root=root) for section in entry.sections]
        else:
            found += [Given(header(root + entry.path, entry.size)), *entry.sections, Given(padding(entry.size))]
    return File(path, (*found, Given(END_OF_TAR)))


def measure(makers: Mapping[str, Maker], rows: Sequence[Row]) -> dict[str, int]:
    """How many bytes each maker makes of a block."""
    return {kind: sum(len(part) for part in make(rows, "")) for kind, make in makers.items()}
