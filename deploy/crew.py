"""The processes of ``./winnow scrape``: this one and its helpers, forked before the work begins.

What a process that downloads has to load takes longer than a small scrape. Helpers are forked as soon as it is loaded,
while there is no thread and no event loop yet: that takes milliseconds, and they share what is loaded.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from api.operations.context import Winnow
from api.settings import Settings
from scraper.node import Node, download
from scraper.work import Crew

DONE = b"."

LAST_S = 10.0
"""So long a helper may settle what it has in hand, at the end."""


@dataclass(frozen=True)
class Helper:
    """A child process, and the line to it: a scrape's name to work on, ``DONE`` back, an end when either is gone."""

    process: int
    line: socket.socket

    async def work(self, scrape: str) -> None:
        """Let it download until nothing is due. That it has died is no error: the others do its part."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            await loop.sock_sendall(self.line, scrape.encode() + b"\n")
            await loop.sock_recv(self.line, len(DONE))

    def terminate(self) -> None:
        """Let it settle what it has in hand, and end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGTERM)

    def wait(self, deadline: float) -> None:
        """Wait for its end, and kill it at ``deadline`` (monotonic): what it has in hand is fetched again by others."""
        while os.waitpid(self.process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                return
            time.sleep(0.01)


@contextmanager
def forked(settings: Settings, number: int) -> Iterator[Sequence[Helper]]:
    """So many helpers, which end with the block. Fork them before a thread or an event loop is started."""
    helpers: list[Helper] = []
    try:
        for _ in range(number):
            helpers.append(_fork(settings, helpers))
        yield helpers
    finally:
        for helper in helpers:
            helper.line.close()
            helper.terminate()
        deadline = time.monotonic() + LAST_S
        for helper in helpers:
            helper.wait(deadline)


def crew_of(w: Winnow, helpers: Sequence[Helper]) -> Crew:
    """The crew of this process and its helpers."""

    async def crew(scrape: str, stop: asyncio.Event) -> None:
        async def end() -> None:
            await stop.wait()
            for helper in helpers:
                helper.terminate()

        ending = asyncio.create_task(end())
        try:
            await asyncio.gather(download(w, scrape, stop), *(helper.work(scrape) for helper in helpers))
        finally:
            ending.cancel()

    return crew


def _fork(settings: Settings, earlier: Sequence[Helper]) -> Helper:
    ours, theirs = socket.socketpair()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or it would be written twice
    process = os.fork()
    if process == 0:
        for line in (ours, *(helper.line for helper in earlier)):
            line.close()
        _live(lambda: _serve(theirs, settings))
    theirs.close()
    ours.setblocking(False)
    return Helper(process, ours)


def _live(life: Callable[[], None]) -> NoReturn:
    """The whole life of a child: nothing that its parent has begun is ended by it too."""
    code = 1
    try:
        os.setpgid(0, 0)  # Ctrl-C is for the parent, who says when to end
        life()
        code = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _serve(line: socket.socket, settings: Settings) -> None:
    node = Node()
    with line, line.makefile("rb") as orders:
        for order in orders:
            node.run(settings, order.decode().strip(), until_stopped=True)
            line.sendall(DONE)
