"""DNS: the system's resolver, in threads of its own and remembered for a minute."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

Resolve = Callable[[str], Awaitable[list[str]]]
"""The addresses of a name; raises ``OSError`` where there are none."""

KEPT_S = 60.0
MANY_NAMES = 10_000

THREADS = 32
"""A slow name server holds up as many lookups, and never the threads that do other work."""


class Names:
    """A :data:`Resolve`. Whoever wants a name that is being looked up waits for that lookup.

    Its threads end when nobody refers to it any more.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "dns")
        self._known: dict[str, tuple[float, list[str]]] = {}
        self._asking: dict[str, asyncio.Task[list[str]]] = {}

    async def __call__(self, name: str) -> list[str]:
        """The addresses of ``name``; raises ``OSError``."""
        until, addresses = self._known.get(name, (0.0, []))
        if time.monotonic() < until:
            return addresses
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._ask(name))
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(task)

    async def _ask(self, name: str) -> list[str]:
        addresses = await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, name)
        self._known.pop(name, None)
        self._known[name] = (time.monotonic() + KEPT_S, addresses)
        if len(self._known) > MANY_NAMES:
            del self._known[next(iter(self._known))]
        return addresses


def _addresses(name: str) -> list[str]:
    found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(info[4][0]) for info in found]
