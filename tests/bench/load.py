"""A load generator: raw HTTP/1.1 over kept connections, cheap enough not to be what is measured."""

import asyncio
import time
from collections.abc import Sequence


async def rate(host: str, port: int, requests: Sequence[bytes], connections: int = 16) -> float:
    """Send every request once over ``connections`` kept connections; returns requests a second.

    Raises ``RuntimeError`` when a reply is not 2xx: a fast error page must not count as speed.
    """
    queue = iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_connection(host, port, queue) for _ in range(connections)))
    return len(requests) / (time.perf_counter() - started)


async def _connection(host: str, port: int, queue: "object") -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for request in queue:  # type: ignore[attr-defined]
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 2"):
                raise RuntimeError(head.split(b"\r\n", 1)[0].decode())
            await reader.readexactly(_length(head))
    finally:
        writer.close()


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
