"""Connections in use: so many to a host at the same time."""

import asyncio


class HostSlots:
    """At most ``each`` requests to a host at the same time; whoever comes later waits, first come first served."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._hosts: dict[str, _Host] = {}

    async def enter(self, host: str, longest: float) -> None:
        """Take a slot at ``host``; raises ``TimeoutError`` when none gets free for ``longest`` seconds."""
        slots = self._hosts.get(host)
        if slots is None:
            slots = self._hosts[host] = _Host(self._each)
        slots.users += 1
        try:
            if slots.free.locked():
                await asyncio.wait_for(slots.free.acquire(), longest)
            else:
                await slots.free.acquire()
        except BaseException:
            self._forget(host, slots)
            raise

    def leave(self, host: str) -> None:
        """Give the slot back."""
        slots = self._hosts[host]
        slots.free.release()
        self._forget(host, slots)

    def _forget(self, host: str, slots: "_Host") -> None:
        slots.users -= 1
        if not slots.users:
            del self._hosts[host]


class _Host:
    """Its free slots, and how many hold one or wait for one."""

    __slots__ = ("free", "users")

    def __init__(self, each: int) -> None:
        self.free = asyncio.Semaphore(each)
        self.users = 0
