"""Image bytes: in MongoDB or in S3, by setting. Content-addressed, so a second write changes nothing."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from api.settings import Settings
from api.store import Store


class Blobs(Protocol):
    """Where image bytes live. Keys are sha256 hex digests of the bytes."""

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store each value under its key."""

    async def get(self, digest: str) -> bytes | None:
        """The bytes, or ``None``."""

    async def many(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Several at once; missing ones are left out."""

    async def delete(self, digests: Sequence[str]) -> None:
        """Remove them; one that is not there is no error."""


def open_blobs(settings: Settings, store: Store) -> Blobs:
    """The place that ``settings.blobs`` names."""
    if settings.blobs == "mongodb":
        return store.blobs
    parts = urlsplit(settings.blobs)
    prefix = parts.path.strip("/")
    # Amazon's library is large; it is loaded only where it is used.
    blobs: Blobs = import_module("api.s3_blobs").S3Blobs(
        parts.netloc, f"{prefix}/" if prefix else "", settings.s3_endpoint
    )
    return blobs
