"""A file that is read as it is sent, from any byte on: RFC 9110's conditional and range requests."""

import re
from collections.abc import AsyncIterator, Callable

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.operations.downloading import Download

RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")

Read = Callable[[int, int], AsyncIterator[bytes]]
"""Reads a file from one byte up to another."""


def reply(request: Request, download: Download, read: Read) -> Response:
    """The whole file, the range that is asked for, 304 where the browser has it, 416 where it ends before.

    ``If-Range`` with another tag gives the whole file: it has changed since the download was begun.
    """
    tag, size = f'"{download.etag}"', download.file.size
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{download.name}"',
        "Cache-Control": "private, no-cache",
    }
    if tag in (request.headers.get("if-none-match") or ""):
        return Response(status_code=304, headers=headers)
    wanted = _wanted(request.headers.get("range"), size) if _same(request, tag) else (0, size)
    if wanted is None:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop = wanted
    headers["Content-Length"] = str(stop - start)
    partial = stop - start < size
    if partial:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return StreamingResponse(read(start, stop), 206 if partial else 200, headers, download.media)


def _same(request: Request, tag: str) -> bool:
    return request.headers.get("if-range", tag) == tag


def _wanted(said: str | None, size: int) -> tuple[int, int] | None:
    """Start and stop of one range of bytes; the whole file for none, for several, and for what is no range."""
    found = RANGE.fullmatch(said.strip()) if said else None
    if found is None or found[0] == "bytes=-":
        return 0, size
    first, last = found[1], found[2]
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and first and int(last) < int(first):
        return 0, size
    return (start, stop) if start < size and start < stop else None
