"""A server that does everything wrong, one path a case, written on bare sockets so that nothing corrects it.

It runs in a thread of its own and listens on several loopback addresses; what arrives is in ``log``, and ``opened``
counts connections by the address that they came to.
"""

import asyncio
import contextlib
import gzip
import ssl
import threading
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from random import Random

GOOD = "127.0.0.1"
FORBIDDEN = "127.0.0.66"

IMAGE = b"\xff\xd8\xff\xe0" + Random(5).randbytes(20_000)

Write = Callable[[bytes], Awaitable[None]]


@dataclass
class Asked:
    """One request as it arrived. ``connection`` numbers connections from 1."""

    at: float
    address: str
    path: str
    headers: dict[str, str]
    connection: int


@dataclass
class Server:
    """The running server: what has arrived, what ``/robots.txt`` answers, and ``answers`` that a test has added."""

    port: int = 0
    tls_port: int = 0
    log: list[Asked] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)
    open_now: Counter[str] = field(default_factory=Counter)
    most_open: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    """Requests that were being answered at the same time."""
    answering: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    robots: bytes = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"

    def url(self, path: str, host: str = GOOD) -> str:
        return f"http://{host}:{self.port}/{path}"

    def asked(self, path: str) -> list[Asked]:
        return [one for one in self.log if one.path.partition("?")[0] == f"/{path}"]


def answer(body: bytes = IMAGE, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, f"Location: {location}\r\n")


def chunked(*chunks: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{headers}\r\n".encode()
    return head + b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


BOMB = bomb(400 << 20)


def fixed(server: Server) -> dict[str, bytes]:
    """Answers that are always the same bytes."""
    return {
        "ok": answer(),
        "tired": answer(),
        "wrong-mime": answer(headers="").replace(b"image/jpeg", b"text/html"),
        "empty": answer(b""),
        "gzip": answer(gzip.compress(IMAGE), headers="Content-Encoding: gzip\r\n"),
        "deflate": answer(zlib.compress(IMAGE), headers="Content-Encoding: deflate\r\n"),
        "gzip-bomb": answer(BOMB, headers="Content-Encoding: gzip\r\n"),
        "gzip-broken": answer(IMAGE, headers="Content-Encoding: gzip\r\n"),
        "gzip-short": answer(gzip.compress(IMAGE)[:-2_000], headers="Content-Encoding: gzip\r\n"),
        "brotli": answer(IMAGE, headers="Content-Encoding: br\r\n"),
        "chunked": chunked(IMAGE[:9_000], IMAGE[9_000:], b""),
        "trailers": chunked(IMAGE)[:-2] + b"\r\n0\r\nX-Robots-Tag: noai\r\nX: y\r\n\r\n",
        "continues": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + answer(),
        "cookie": answer(headers="Set-Cookie: tracked=1; Path=/\r\n"),
        "set-cookie-redirect": answer(b"", "302 Found", "Set-Cookie: tracked=1\r\nLocation: /ok\r\n"),
        "401": answer(b"who?", "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"\r\n'),
        "403": answer(b"no", "403 Forbidden"),
        "404": answer(b"no", "404 Not Found"),
        "410": answer(b"no", "410 Gone"),
        "451": answer(b"no", "451 Unavailable For Legal Reasons"),
        "418": answer(b"no", "418 I'm a teapot"),
        "204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "206": answer(IMAGE[:100], "206 Partial Content", "Content-Range: bytes 0-99/20004\r\n"),
        "300": answer(b"choose", "300 Multiple Choices"),
        "302-nowhere": answer(b"", "302 Found"),
        "304": b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
        "429": answer(b"", "429 Too Many Requests"),
        "429-seconds": answer(b"", "429 Too Many Requests", "Retry-After: 7\r\n"),
        "429-years": answer(b"", "429 Too Many Requests", "Retry-After: 99999999999\r\n"),
        "500": answer(b"oops", "500 Internal Server Error"),
        "503": answer(b"", "503 Service Unavailable"),
        "503-seconds": answer(b"", "503 Service Unavailable", "Retry-After: 11\r\n"),
        "503-words": answer(b"", "503 Service Unavailable", "Retry-After: soon\r\n"),
        **redirects(server),
        **misleading(server),
        "noai": answer(headers="X-Robots-Tag: noai\r\n"),
        "tdm": answer(headers="TDM-Reservation: 1\r\n"),
        "noai-others": answer(headers="X-Robots-Tag: otherbot: noai, noindex\r\nX-Robots-Tag: nofollow\r\n"),
        "noai-us": answer(headers="X-Robots-Tag: otherbot: nofollow\r\nX-Robots-Tag: Winnow: noimageai\r\n"),
        "huge-length": answer(IMAGE, length=10_000_000_000),
        "huge-length-silent": answer(b"", length=10_000_000_000),
        "length-twice": answer(headers="Content-Length: 5\r\n"),
        "length-negative": answer(length=-1),
        "header-long": answer(headers=f"X: {'a' * 1_000_000}\r\n"),
        "header-many": answer(headers="".join(f"X-{n}: {n}\r\n" for n in range(20_000))),
    }


def redirects(server: Server) -> dict[str, bytes]:
    """Ways to a good place, and round in circles."""
    return {
        "loop": redirect("/loop"),
        "loop-a": redirect("/loop-b"),
        "loop-b": redirect("/loop-a"),
        "redirect": redirect("/redirect-2"),
        "redirect-2": redirect(server.url("ok"), "308 Permanent Redirect"),
        "redirect-utf8": redirect("/bücher?q=ü", "301 Moved Permanently"),
        "b%C3%BCcher": answer(),
    }


def misleading(server: Server) -> dict[str, bytes]:
    """Ways to where nobody may go."""
    bad = f"{FORBIDDEN}:{server.port}"
    return {
        "to-forbidden": redirect(f"http://{bad}/ok"),
        "to-decimal": redirect(f"http://{0x7F000042}:{server.port}/ok"),
        "to-hex": redirect(f"http://0x7f.0.0.0x42:{server.port}/ok"),
        "to-octal": redirect(f"http://0177.0.0.0102:{server.port}/ok"),
        "to-short": redirect(f"http://127.66:{server.port}/ok"),
        "to-mapped": redirect(f"http://[::ffff:127.0.0.66]:{server.port}/ok"),
        "to-compatible": redirect(f"http://[::127.0.0.66]:{server.port}/ok"),
        "to-nat64": redirect(f"http://[64:ff9b::7f00:42]:{server.port}/ok"),
        "to-6to4": redirect(f"http://[2002:7f00:42::]:{server.port}/ok"),
        "to-loopback6": redirect(f"http://[::1]:{server.port}/ok"),
        "to-zone": redirect(f"http://[fe80::1%25lo]:{server.port}/ok"),
        "to-any": redirect(f"http://0.0.0.0:{server.port}/ok"),
        "to-metadata": redirect("http://169.254.169.254/latest/meta-data/"),
        "to-name": redirect(f"http://forbidden.example:{server.port}/ok"),
        "to-wide": redirect(f"http://\uff11\uff12\uff17.0.0.66:{server.port}/ok"),
        "to-file": redirect("file:///etc/hostname"),
        "to-ftp": redirect(f"ftp://{bad}/ok"),
        "to-gopher": redirect(f"gopher://{bad}/_GET"),
        "to-script": redirect("javascript:alert(1)"),
        "to-user": redirect(f"http://user:word@{GOOD}:{server.port}/ok"),
        "to-backslash": redirect(f"http:\\\\{bad}\\ok"),
        "to-nowhere": redirect("http://nowhere.example/"),
    }


# After these the connection is closed, whatever was announced.
BREAKING = {
    "short": answer(IMAGE[:5_000], length=len(IMAGE)),
    "truncated-chunk": chunked(IMAGE)[:-9_000],
    "missing-last-chunk": chunked(IMAGE),
    "broken-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "garbage": Random(6).randbytes(3_000),
    "http09": IMAGE,
    "status-word": b"HTTP/1.1 fine\r\n\r\n",
    "half-head": b"HTTP/1.1 200 OK\r\nContent-Len",
    "nothing": b"",
    "until-close": b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + IMAGE,
}


async def drip(write: Write) -> None:
    await write(answer(b"", length=1_000_000))
    while True:
        await write(b"x")
        await asyncio.sleep(0.05)


async def header_drip(write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await write(b"X: y\r\n")
        await asyncio.sleep(0.05)


async def drip_404(write: Write) -> None:
    await write(answer(b"", "404 Not Found", length=5_000))
    while True:
        await write(b"x")
        await asyncio.sleep(0.05)


async def silent(write: Write) -> None:
    await asyncio.sleep(60.0)


async def stalled_redirect(write: Write) -> None:
    await write(answer(b"", "302 Found", "Location: /ok\r\n", length=1_000))
    await asyncio.sleep(60.0)


async def endless(write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
    while True:
        await write(bytes(65_536))


async def endless_chunks(write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await write(b"10000\r\n" + bytes(65_536) + b"\r\n")


async def endless_header(write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await write(b"x" * 65_536)


async def endless_continue(write: Write) -> None:
    while True:
        await write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.01)


async def slow_hops(write: Write, number: int) -> None:
    await asyncio.sleep(0.2)
    await write(redirect(f"/slow-hops?{number + 1}"))


async def date_503(write: Write) -> None:
    # by a clock that is two hours slow
    now = time.time() - 7_200.0
    headers = f"Date: {formatdate(now, usegmt=True)}\r\nRetry-After: {formatdate(now + 30.0, usegmt=True)}\r\n"
    await write(answer(b"", "503 Service Unavailable", headers))


async def date_429(write: Write) -> None:
    until = formatdate(time.time() + 40.0, usegmt=True)
    await write(answer(b"", "429 Too Many Requests", f"Retry-After: {until}\r\n"))


ACTS: dict[str, Callable[[Write], Awaitable[None]]] = {
    "drip": drip,
    "header-drip": header_drip,
    "404-drip": drip_404,
    "silent": silent,
    "stalled-redirect": stalled_redirect,
    "endless": endless,
    "endless-chunks": endless_chunks,
    "endless-header": endless_header,
    "endless-continue": endless_continue,
    "503-date": date_503,
    "429-date": date_429,
}


class _Connection:
    def __init__(self, server: Server, answers: dict[str, bytes], number: int, address: str) -> None:
        self.server = server
        self.answers = answers
        self.number = number
        self.address = address
        self.served = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            target = head[0].split(" ")[1]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            asked = Asked(time.monotonic(), self.address, target, headers, self.number)
            self.server.log.append(asked)
            self.served += 1
            self.server.answering += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.answering)
            try:
                if not await self._answer(target.strip("/"), asked, write):
                    return
            finally:
                self.server.answering -= 1

    async def _answer(self, target: str, asked: Asked, write: Write) -> bool:
        """Whether the connection stays open."""
        path, _, query = target.partition("?")
        if path == "robots.txt":
            await write(self.server.robots)
        elif path in ACTS:
            await ACTS[path](write)
        elif path in BREAKING:
            await write(BREAKING[path])
            return False
        elif path == "slow-hops" and int(query or 0) < 6:
            await slow_hops(write, int(query or 0))
        elif path == "hops":
            await write(redirect(f"/hops?{int(query or 0) + 1}"))
        elif path == "tired" and self.served > 2:  # robots.txt or a good answer before it, then gone without a word
            return False
        elif path == "conditional" and asked.headers.get("if-none-match") == '"v1"':
            await write(b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
        elif path == "conditional":
            await write(answer(headers='ETag: "v1"\r\nLast-Modified: Sat, 21 Nov 2026 08:00:00 GMT\r\n'))
        else:
            await write(self.server.answers.get(path) or self.answers.get(path) or answer())
        return True


@contextmanager
def running(tls: ssl.SSLContext | None = None, addresses: tuple[str, ...] = (GOOD, FORBIDDEN)) -> Iterator[Server]:
    """Serve on one port of all ``addresses`` until the end of the block; with ``tls`` on a second port too."""
    server = Server()
    loop = asyncio.new_event_loop()
    numbers = iter(range(1, 1 << 30))
    tasks: set[asyncio.Task[None]] = set()

    def connected(address: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            server.opened[address] += 1
            server.open_now[address] += 1
            server.most_open[address] = max(server.most_open[address], server.open_now[address])
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    await _Connection(server, answers, next(numbers), address).serve(reader, writer)
            finally:
                server.open_now[address] -= 1
                tasks.discard(task)
                writer.close()

        return serve

    answers: dict[str, bytes] = {}

    async def start() -> list[asyncio.Server]:
        servers = [await asyncio.start_server(connected(addresses[0]), addresses[0], 0)]
        server.port = servers[0].sockets[0].getsockname()[1]
        answers.update(fixed(server))
        servers += [await asyncio.start_server(connected(one), one, server.port) for one in addresses[1:]]
        if tls is not None:
            servers.append(await asyncio.start_server(connected("tls"), addresses[0], 0, ssl=tls))
            server.tls_port = servers[-1].sockets[0].getsockname()[1]
        return servers

    async def stop(servers: list[asyncio.Server]) -> None:
        for one in servers:
            one.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        loop.stop()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers = asyncio.run_coroutine_threadsafe(start(), loop).result(10.0)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(servers), loop)
        thread.join(10.0)
        loop.close()
