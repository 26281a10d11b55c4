"""HTTP that waits out a restart of the other side, as a person does who reloads the page."""

import asyncio
import contextlib
import time
from typing import Any

import httpx

from active_learning.domain.errors import Unavailable

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class Patient:
    """An HTTP client with cookies. Everything that the crowd sends may be sent twice, so everything is retried."""

    def __init__(self, http: httpx.AsyncClient, stop: asyncio.Event, patience_s: float) -> None:
        self._http = http
        self._stop = stop
        self._patience_s = patience_s

    async def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One request; repeated while there is no connection or the reply is 429 or 5xx.

        Raises :class:`Unavailable` after ``patience_s`` seconds, or earlier when the shift is over.
        """
        deadline = time.monotonic() + self._patience_s
        pause = FIRST_PAUSE_S
        while True:
            try:
                reply = await self._http.request(method, url, **options)
                if reply.status_code < 500 and reply.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    return reply
                trouble = f"status {reply.status_code}"
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__} {error}".strip()
            if self._stop.is_set() or time.monotonic() + pause > deadline:
                origin = httpx.URL(url).copy_with(raw_path=b"/")
                raise Unavailable(f"{origin} does not answer ({trouble}).", "Is it running?")
            await self.pause(pause)
            pause = min(LONGEST_PAUSE_S, 2 * pause)

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the shift."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
