"""A small web site on loopback, in a process of its own: it serves images, misbehaves as told, and writes a log."""

import asyncio
import json
import multiprocessing
import multiprocessing.synchronize
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.turk.served import free_port

REASONS = {200: "OK", 304: "Not Modified", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Answer:
    """What a path gives: status, body, further headers, and how long it thinks first."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One line of the log."""

    at: float
    host: str
    path: str
    status: int
    headers: Mapping[str, str]


class Site:
    """What the site is like. ``answers`` of a path come one after the other; the last one stays."""

    def __init__(
        self, answers: Mapping[str, Sequence[Answer]], log: Path, port: int, hosts: Sequence[str] = ("127.0.0.1",)
    ) -> None:
        self.answers = answers
        self.log = log
        self.port = port
        self.hosts = hosts

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def asked(self) -> list[Asked]:
        """Every request so far, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [Asked(**json.loads(line)) for line in lines]

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked.path == path for asked in self.asked())


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Run it."""
    ready = multiprocessing.get_context("spawn").Event()
    process = multiprocessing.get_context("spawn").Process(target=_main, args=(site, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(30)
        yield site
    finally:
        process.kill()
        process.join()


def site(folder: Path, answers: Mapping[str, Answer | Sequence[Answer]], hosts: Sequence[str] = ("127.0.0.1",)) -> Site:
    """A site on a free port."""
    given = {path: [one] if isinstance(one, Answer) else list(one) for path, one in answers.items()}
    return Site(given, folder / "asked.jsonl", free_port(), hosts)


def _main(site: Site, ready: multiprocessing.synchronize.Event) -> None:
    asyncio.run(_serve(site, ready))


async def _serve(site: Site, ready: multiprocessing.synchronize.Event) -> None:
    times: Counter[str] = Counter()
    with site.log.open("a", buffering=1) as log:

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await _answer(site, times, log, reader, writer):
                    pass
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        servers = [await asyncio.start_server(client, host, site.port) for host in site.hosts]
        ready.set()
        await asyncio.gather(*(server.serve_forever() for server in servers))


async def _answer(
    site: Site, times: "Counter[str]", log: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.split("\r\n")
    path = lines[0].split(" ")[1]
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    some = site.answers.get(path, [Answer(404)])
    answer = some[min(times[path], len(some) - 1)]
    times[path] += 1
    fields = {"at": time.time(), "host": headers["host"], "path": path, "status": answer.status, "headers": headers}
    log.write(json.dumps(fields) + "\n")  # type: ignore[attr-defined]
    if answer.delay:
        await asyncio.sleep(answer.delay)
    out = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Other')}"]
    out += [f"{name}: {value}" for name, value in answer.headers.items()]
    body = b"" if answer.status == 304 else answer.body
    out.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join(out).encode() + b"\r\n\r\n" + body)
    await writer.drain()
    return True
