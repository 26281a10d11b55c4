"""How an operation spreads a step over key ranges without knowing where the ranges are worked on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from api.operations.context import Winnow

Step = Callable[..., Awaitable[Any]]
"""``step(w, *args)``: reads and writes its own part of the pool, may run again at any time, and returns little."""


class Spread(Protocol):
    """Runs a step once for each tuple of arguments and yields the results in the order of ``many``.

    Few results are held at a time, so a caller that folds them needs memory for one.
    """

    def __call__(self, w: Winnow, step: Step, many: Sequence[tuple[Any, ...]]) -> AsyncIterator[Any]:
        """Start; nothing runs before the first result is asked for."""
        ...


async def here(w: Winnow, step: Step, many: Sequence[tuple[Any, ...]]) -> AsyncIterator[Any]:
    """One after another, in this process: for small pools and for tests."""
    for args in many:
        yield await step(w, *args)


async def run_all(w: Winnow, spread: Spread, step: Step, many: Sequence[tuple[Any, ...]]) -> int:
    """Run a step whose results are numbers, and return their sum."""
    total = 0
    async for n in spread(w, step, many):
        total += n
    return total
