"""What a source finds: where an image is, and where it comes from."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an image comes from and what may be done with it. It stays with the image to the exported dataset.

    ``licence`` is a short name of :mod:`scraper.licences` (empty: nobody knows), ``attribution`` the line that the
    licence asks for, ``source_id`` the image's id at its source.
    """

    source: str
    source_id: str = ""
    page: str = ""
    title: str = ""
    author: str = ""
    author_url: str = ""
    licence: str = ""
    licence_url: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One image that a source has found.

    ``url`` names it: http and https addresses and ``s3://bucket/key`` are fetched by whoever leases them; everything
    else (a file, a member of an archive, a frame of a video, a row of a table) is at hand, and ``read`` gives its bytes
    (blocking, may raise OSError). ``name`` is what people call it, relative to its source. ``sha1`` is given where the
    source knows it: known bytes are not fetched.
    """

    url: str
    name: str
    provenance: Provenance
    read: Callable[[], bytes] | None = None
    sha1: str = ""


Cursor = Mapping[str, Any]
"""Where a source stands, as JSON: a later start goes on from it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some images, in the order in which the source gives them, and where it stands after them.

    ``total`` is how many images the source expects to give in all; ``None`` when it does not know.
    """

    images: tuple[Found, ...]
    cursor: Cursor
    total: int | None = None


class Source(Protocol):
    """An asynchronous stream of found images, page by page.

    ``pages`` starts after ``cursor`` (``None``: at the beginning) and ends when there is nothing more. It raises
    ``Unavailable`` when the source does not answer after its retries (the cursor of the last page remains valid),
    ``QuotaExhausted`` when it wants no more requests for a while, and ``InputError`` for a wrong key, query or file.
    """

    def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``."""
