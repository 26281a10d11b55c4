"""Datasets on their way out: any format of a frozen version, from any byte on. Nothing is made before it is read."""

import hashlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from active_learning.domain.errors import NotFound, StateError
from api.operations import formats
from api.operations.context import Winnow
from api.operations.dataset_rows import Row
from api.operations.formats import Format, Version, layout
from api.operations.formats.layout import File, Given, OfBlock, Outline, Part, Picture, Section, Stored, Tree
from api.store.connection import Document
from api.store.datasets import DatasetState

AHEAD = 32
"""Images that are read at once."""

AHEAD_BYTES = 16 * 1024 * 1024
"""But not more than this of them, unless one alone is larger."""

SENT_TOGETHER = 64 * 1024
"""Small pieces travel together."""


@dataclass(frozen=True)
class Download:
    """A file that can be read: what it is called, how long it is, and a tag that changes whenever its bytes do."""

    file: File
    name: str
    etag: str
    media: str


MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "tar": "application/x-tar",
}


async def version_of(w: Winnow, document: Document) -> Version:
    """A version as formats see it."""
    outline = [
        Outline(block["_id"], block["split"], block["count"], block["sizes"])
        for block in await w.store.datasets.outline(document["_id"])
    ]
    return Version(
        name=f"{document['category']}-v{document['number']}",
        question=document["snapshot"]["category"]["question"],
        outline=tuple(outline),
        licences=tuple(name for name, _ in document["tally"]["licences"]),
        datasheet=document["datasheet"].encode(),
        manifest=document["manifest"].encode(),
        parquet=tuple(Stored(one["sha256"], one["size"]) for one in document["parquet"]),
    )


async def ready(w: Winnow, slug: str, number: int) -> Document:
    """A version that can be downloaded; raises :class:`StateError` while it is being made."""
    document = await w.store.datasets.get(slug, number)
    if document["state"] != DatasetState.READY or document["layout"] != formats.LAYOUT:
        raise StateError(
            f"Version {number} of '{slug}' is being made.",
            "A worker does it (`./winnow work` starts one); its page shows how far it is.",
        )
    return document


async def tree_of(w: Winnow, document: Document, chosen: Format) -> Tree:
    """Every file of a version in one format."""
    version = await version_of(w, document)
    if chosen.single:
        return chosen.tree(version)
    known = {file["path"]: file["sha256"] for file in document["files"][chosen.name]}
    return (*formats.companions(version), *chosen.tree(version), formats.checksums(chosen, version, known))


async def open_download(w: Winnow, slug: str, number: int, name: str) -> Download:
    """A version in one format as one file: the table itself, or everything in a tar archive.

    Raises :class:`StateError` while the version is being made, :class:`InputError` for an unknown format.
    """
    chosen = formats.chosen(name)
    return await as_one(w, await ready(w, slug, number), chosen)


async def as_one(w: Winnow, document: Document, chosen: Format) -> Download:
    """The same of a version whose files are checked."""
    tree = await tree_of(w, document, chosen)
    base = f"{document['category']}-v{document['number']}"
    if chosen.single and len(tree) == 1:
        (file,) = tree
        assert isinstance(file, File)
        suffix = file.path.rpartition(".")[2]
        called = f"{base}.{suffix}"
    else:
        suffix, called = "tar", f"{base}-{chosen.name}.tar"
        file = layout.archive(called, tree, f"{base}/")
    told = f"{document['_id']} {document['revision']} {formats.LAYOUT} {chosen.name} {file.size}"
    return Download(file, called, hashlib.sha256(told.encode()).hexdigest()[:32], MEDIA[suffix])


async def read(
    w: Winnow, file: File, start: int = 0, stop: int | None = None, verify: bool = False
) -> AsyncIterator[bytes]:
    """The bytes of a file from ``start`` up to ``stop``; with ``verify`` every whole image is checked by its sha256.

    Raises :class:`NotFound` where an image's bytes are gone, :class:`StateError` where the version has changed
    meanwhile: what comes is as long as was said, or breaks off.
    """
    stop = file.size if stop is None else min(stop, file.size)
    ends = list(accumulate(section.size for section in file.sections))
    index = bisect_right(ends, start)
    at = start
    gathered = bytearray()
    while at < stop and index < len(ends):
        begin = ends[index] - file.sections[index].size
        async for data in _section(w, file.sections[index], at - begin, min(stop, ends[index]) - begin, verify):
            at += len(data)
            gathered += data
            if len(gathered) >= SENT_TOGETHER:
                yield bytes(gathered)
                gathered.clear()
        if at < min(stop, ends[index]):
            raise StateError("The version has changed while it was read.", "Begin the download again.")
        index += 1
    if gathered:
        yield bytes(gathered)


async def _section(w: Winnow, section: Section, start: int, stop: int, verify: bool) -> AsyncIterator[bytes]:
    if isinstance(section, Given):
        yield section.data[start:stop]
    elif isinstance(section, Stored):
        data = await w.store.dataset_files.get(section.digest)
        if data is None:
            raise NotFound(f"The stored file {section.digest} is missing.", "Make another version.")
        yield data[start:stop]
    else:
        parts = formats.MAKERS[section.kind](await block_rows(w, section), section.root)
        async for piece in _parts(w, parts, start + section.skip, stop + section.skip, verify):
            yield piece


async def block_rows(w: Winnow, section: OfBlock) -> list[Row]:
    """The rows of the block that a section is of."""
    block = await w.store.datasets.block(section.block)
    return [] if block is None else [Row.model_validate(row) for row in block["rows"]]


async def _parts(w: Winnow, parts: Iterator[Part], start: int, stop: int, verify: bool) -> AsyncIterator[bytes]:
    """The bytes of parts from ``start`` up to ``stop``: images before and behind are not read."""
    at = 0
    for some in _batches(parts):
        wanted: list[tuple[int, Part]] = []
        for part in some:
            if at + len(part) > start and at < stop:
                wanted.append((at, part))
            at += len(part)
        blobs = await pictures(w, [part for _, part in wanted if isinstance(part, Picture)], verify)
        for begin, part in wanted:
            data = blobs[part.image] if isinstance(part, Picture) else part
            yield data[max(0, start - begin) : stop - begin]
        if at >= stop:
            return


def _batches(parts: Iterator[Part]) -> Iterator[list[Part]]:
    batch: list[Part] = []
    images = size = 0
    for part in parts:
        batch.append(part)
        if isinstance(part, Picture):
            images, size = images + 1, size + part.size
        if images >= AHEAD or size >= AHEAD_BYTES:
            yield batch
            batch, images, size = [], 0, 0
    if batch:
        yield batch


async def pictures(w: Winnow, wanted: Sequence[Picture], verify: bool = False) -> dict[str, bytes]:
    """The bytes of images; raises :class:`NotFound` where some are missing or, with ``verify``, are not what they were.

    They are as long as they were when the version was frozen, or this raises :class:`NotFound`, too.
    """
    blobs = await w.blobs.many([picture.image for picture in wanted]) if wanted else {}
    for picture in wanted:
        data = blobs.get(picture.image)
        if data is None:
            raise NotFound(f"The bytes of image {picture.image} are missing.", "Import it again.")
        if len(data) != picture.size or (verify and hashlib.sha256(data).hexdigest() != picture.image):
            raise NotFound(f"The bytes of image {picture.image} are damaged.", "Restore them from a backup.")
    return blobs
