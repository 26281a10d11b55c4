"""A cheap HTTP/1.1 server of JPEGs for benchmarks: one process, keep-alive, bodies in memory, latency by choice.

``python -m tests.bench.image_server PORT FOLDER LATENCY_S`` answers ``/N.jpg`` with the N-th file, counted modulo their
number, ``/robots.txt`` with 404, ``/served`` with the number of images given so far, and ``/repeated`` with how many of
them had been given before.
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import cast

import uvloop

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Images:
    """Complete replies, made once."""

    def __init__(self, folder: Path, latency: float) -> None:
        bodies = [path.read_bytes() for path in sorted(folder.iterdir(), key=lambda path: int(path.stem))]
        self.replies = [
            b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            for body in bodies
        ]
        self.latency = latency
        self.given: Counter[bytes] = Counter()

    def reply(self, path: bytes) -> bytes:
        if path in {b"/served", b"/repeated"}:
            served = sum(self.given.values())
            text = str(served if path == b"/served" else served - len(self.given)).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text
        if not path.endswith(b".jpg"):
            return NOT_FOUND
        self.given[path] += 1
        return self.replies[int(path[1:-4]) % len(self.replies)]


class Connection(asyncio.Protocol):
    """One client; requests are short and come whole."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self.rest = b""
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head, _, self.rest = self.rest.partition(b"\r\n\r\n")
            reply = self.images.reply(head.split(b" ", 2)[1])
            if self.images.latency:
                self.loop.call_later(self.images.latency, self.transport.write, reply)
            else:
                self.transport.write(reply)


async def serve(port: int, folder: Path, latency: float) -> None:
    images = Images(folder, latency)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(images), "127.0.0.1", port, backlog=4_096)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
