"""Replies that several routers give: a page of somebody who is signed in, news for a page that is open, a table."""

import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from fastapi.responses import HTMLResponse, StreamingResponse

from active_learning.domain.access import Actor
from labeling_ui.contexts import Page
from labeling_ui.render import render

ROWS = 200
"""Rows of a table that travel together."""


def page(shown: Page, me: Actor | None, status: int = 200) -> HTMLResponse:
    """A page of the researchers' and admins' side.

    It is never kept by the browser: somebody else may sign in there. With "no-referrer", as everywhere else, browsers
    would not say which origin its forms come from.
    """
    return HTMLResponse(render(shown, me), status, {"Referrer-Policy": "same-origin", "Cache-Control": "no-store"})


def news(changes: AsyncGenerator[object, None], clock: Callable[[], datetime]) -> StreamingResponse:
    """A server-sent event for each of ``changes``: a page that follows it asks for itself anew. It ends with them."""
    return StreamingResponse(
        _events(changes, clock), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _events(changes: AsyncGenerator[object, None], clock: Callable[[], datetime]) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    async with aclosing(changes):  # at once when the reader has gone, and not when memory is next cleaned up
        async for _ in changes:
            yield f"data: {json.dumps({'at': clock().isoformat()})}\n\n"


def table(rows: AsyncIterator[Mapping[str, Any]], columns: Sequence[str], file: str) -> StreamingResponse:
    """A CSV file for download, sent as its rows are read; columns that a row lacks stay empty."""
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
    return StreamingResponse(_csv(rows, columns), media_type="text/csv; charset=utf-8", headers=headers)


async def _csv(rows: AsyncIterator[Mapping[str, Any]], columns: Sequence[str]) -> AsyncIterator[str]:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore")
    writer.writeheader()
    number = 0
    async for row in rows:
        writer.writerow({name: _inert(value) for name, value in row.items()})
        number += 1
        if number % ROWS == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _inert(value: object) -> object:
    """Text that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
