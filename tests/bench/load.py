"""A load generator: raw HTTP/1.1 over kept connections, cheap enough not to be what is measured."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

LARGEST_HEAD = 1 << 20


async def rate(host: str, port: int, requests: Sequence[bytes], connections: int = 16) -> float:
    """Send every request once over ``connections`` kept connections; returns requests a second.

    Raises ``RuntimeError`` when a reply is not 2xx: a fast error page must not count as speed.
    """
    queue = iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_drain(Connection(host, port), queue) for _ in range(connections)))
    return len(requests) / (time.perf_counter() - started)


async def _drain(connection: "Connection", queue: Iterator[bytes]) -> None:
    try:
        for one in queue:
            await connection.send(one)
    finally:
        connection.close()


class Connection:
    """One kept connection, as a browser holds it: opened when needed, and anew when the server had closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, request: bytes) -> bytes:
        """The body of the reply. Raises ``RuntimeError`` when it is not 2xx, ``OSError`` when nobody answers."""
        head, body = await self.ask(request)
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(head.split(b"\r\n", 1)[0].decode())
        return body

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Head and body of the reply, whatever it says. Raises ``OSError`` when nobody answers."""
        kept = self._reader is not None and not self._reader.at_eof()
        try:
            return await self._exchange(request)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            if not kept or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                raise ConnectionError("The connection broke before the reply was complete.") from error
        return await self._exchange(request)  # it had been closed for idleness while the request was on its way

    async def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=LARGEST_HEAD)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        return head, await _body(self._reader, head)

    def close(self) -> None:
        """Let go of it."""
        if self._writer is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._writer.close()
        self._reader = self._writer = None


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"transfer-encoding: chunked" not in head.lower():
        return await reader.readexactly(_length(head))
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def request(method: str, path: str, token: str = "", body: bytes = b"") -> bytes:
    """One HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
