"""Single reads of the same moment become one read of many: five times plain finds when dozens are in flight."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Generic, TypeVar

V = TypeVar("V")

Waiters = dict[str, list[asyncio.Future[V | None]]]


class Coalescer(Generic[V]):
    """Gathers the keys that are asked for within one tick of the event loop, and reads them together.

    ``read`` takes some keys and yields (key, value) for those that there are, in any order. Each value goes to whoever
    waits for it as it comes: no more bytes are held here than ``read`` itself holds. At most ``most`` keys are read
    together, and ``at_once`` such reads run at a time; what is asked meanwhile makes the next one. An error reaches
    everybody who waits for a key of its read, and nobody else. Who stops waiting disturbs nobody.

    Belongs to the event loop that uses it first.
    """

    def __init__(
        self, read: Callable[[Sequence[str]], AsyncIterator[tuple[str, V]]], most: int = 32, at_once: int = 2
    ) -> None:
        self._read = read
        self._most = most
        self._at_once = at_once
        self._waiting: Waiters[V] = {}
        self._reads: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def get(self, key: str) -> V | None:
        """The value of ``key``, or ``None`` where there is none; raises what the read raised."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[V | None] = loop.create_future()
        self._waiting.setdefault(key, []).append(waiter)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        return await waiter

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._reads) < self._at_once:
            batch = self._next_batch()
            if batch:
                task = asyncio.get_running_loop().create_task(self._serve(batch))
                self._reads.add(task)
                task.add_done_callback(self._ended)

    def _next_batch(self) -> Waiters[V]:
        batch: Waiters[V] = {}
        for key in list(self._waiting):
            if len(batch) == self._most:
                break
            waiters = [waiter for waiter in self._waiting.pop(key) if not waiter.done()]
            if waiters:
                batch[key] = waiters
        return batch

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._reads.discard(task)
        self._start()

    async def _serve(self, batch: Waiters[V]) -> None:
        try:
            async for key, value in self._read(list(batch)):
                _answer(batch.pop(key), value)
            for waiters in batch.values():
                _answer(waiters, None)
        except Exception as error:  # whatever it is belongs to those who wait
            for waiter in _still(batch):
                waiter.set_exception(error)
        except asyncio.CancelledError:  # the loop ends
            for waiter in _still(batch):
                waiter.cancel()
            raise


def _answer(waiters: Sequence[asyncio.Future[V | None]], value: V | None) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(value)


def _still(batch: Waiters[V]) -> list[asyncio.Future[V | None]]:
    return [waiter for waiters in batch.values() for waiter in waiters if not waiter.done()]
