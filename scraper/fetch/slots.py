"""Connections in use: so many to a host at the same time, so many in all."""

import asyncio
from collections import deque


class Slots:
    """``free`` slots; whoever finds none waits, first come first served.

    Every request takes and gives back two of them, so this is leaner than a semaphore.
    """

    __slots__ = ("_waiting", "free")

    def __init__(self, free: int) -> None:
        self.free = free
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a slot if there is one."""
        if self.free <= 0:
            return False
        self.free -= 1
        return True

    async def wait(self, longest: float | None = None) -> None:
        """Wait for a slot and take it; raises ``TimeoutError`` when none gets free for ``longest`` seconds."""
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(slot)
        try:
            async with asyncio.timeout(longest):
                await slot
        except BaseException:
            if slot.done() and not slot.cancelled():
                self.give()  # it came at the moment when it was no longer wanted
            elif slot in self._waiting:
                self._waiting.remove(slot)
            raise

    def give(self) -> None:
        """Give a slot back: to whoever waits longest, if anybody does."""
        while self._waiting:
            slot = self._waiting.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        self.free += 1


class HostSlots:
    """``each`` slots for every host."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._hosts: dict[str, Slots] = {}

    async def enter(self, host: str, longest: float) -> None:
        """Take a slot at ``host``; raises ``TimeoutError`` when none gets free for ``longest`` seconds."""
        slots = self._hosts.get(host)
        if slots is None:
            slots = self._hosts[host] = Slots(self._each)
        if not slots.take():
            await slots.wait(longest)

    def leave(self, host: str) -> None:
        """Give the slot back."""
        slots = self._hosts[host]
        slots.give()
        if slots.free == self._each:
            del self._hosts[host]
