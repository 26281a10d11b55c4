"""How often somebody may try to sign in: by name, by address, and by both together."""

from collections.abc import Mapping
from datetime import timedelta

from active_learning.domain.errors import Forbidden
from api.operations.context import Winnow

FREE: Mapping[str, int] = {"both": 5, "address": 30, "name": 100}
"""Tries that cost no time, by what they have in common. Whoever guesses at one name from one address waits soon; he
cannot lock out the owner of the name, who comes from elsewhere."""

LONGEST_WAIT = timedelta(minutes=5)
KEPT = timedelta(hours=1)
"""For how long after the last one tries are remembered."""


class TooMany(Forbidden):
    """A try that comes too soon after wrong ones; it may be made again in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Too many wrong passwords.", f"Try again in {seconds:.0f} seconds.")
        self.seconds = seconds


def _keys(name: str, address: str) -> dict[str, str]:
    keys = {"both": f"both:{name}|{address}", "name": f"name:{name}"}
    return {**keys, "address": f"address:{address}"} if address else keys


async def begin(w: Winnow, name: str, address: str) -> None:
    """Count a try; raises :class:`TooMany` where it comes too soon after wrong ones."""
    now = w.clock()
    for kind, key in _keys(name, address).items():
        if not await w.store.tries.begin(key, now, FREE[kind], LONGEST_WAIT, KEPT):
            until = await w.store.tries.waits_until(key)
            seconds = (until - now).total_seconds() if until else 1.0
            raise TooMany(max(seconds, 1.0))


async def succeeded(w: Winnow, name: str, address: str) -> None:
    """The try that has begun was right: those before it at this name are forgotten, and it does not count itself."""
    keys = _keys(name, address)
    for kind in ("both", "name"):
        await w.store.tries.forget(keys[kind])
    if address:
        await w.store.tries.give_back(keys["address"])
