"""A client that only receives, the least that an image costs: ``python -m tests.bench.bare_client URL COUNT``."""

import asyncio
import sys
from typing import cast
from urllib.parse import urlsplit

import uvloop

CONNECTIONS = 16


class Client(asyncio.Protocol):
    """Asks for one image after the other over one connection, and throws away what comes."""

    def __init__(self, numbers: "list[int]", done: "asyncio.Future[None]") -> None:
        self.numbers = numbers
        self.done = done
        self.wanted = 0
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class
        self.ask()

    def ask(self) -> None:
        if not self.numbers:
            self.transport.close()
            self.done.set_result(None)
            return
        self.head = b""
        self.transport.write(b"GET /%d.jpg HTTP/1.1\r\nHost: bench\r\n\r\n" % self.numbers.pop())

    def data_received(self, data: bytes) -> None:
        if self.wanted == 0:
            self.head += data
            head, end, rest = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.wanted = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            data = rest
        self.wanted -= len(data)
        if self.wanted == 0:
            self.ask()


async def main(url: str, count: int) -> None:
    loop = asyncio.get_running_loop()
    address = urlsplit(url)
    numbers = list(range(count))
    waiting = []
    for _ in range(CONNECTIONS):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda done=done: Client(numbers, done), address.hostname, address.port)
        waiting.append(done)
    await asyncio.gather(*waiting)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
