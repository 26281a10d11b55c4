"""How a market is called: not faster than is fair, and again while it is out of reach."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from active_learning.domain.errors import MarketUnavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

Result = TypeVar("Result")


class NotYet(Exception):
    """The market cannot take this call now; it may take the same one later. ``after_s`` is what it asked for."""

    def __init__(self, reason: object, after_s: float = 0.0) -> None:
        super().__init__(str(reason))
        self.after_s = after_s


class Pace:
    """Lets ``per_second`` calls through in the long run, and as many at once after a quiet second. 0: all of them."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._between_s = 1 / per_second if per_second else 0.0
        self._clock, self._sleep = clock, sleep
        self._due = clock() - 1.0

    async def turn(self) -> None:
        """Wait until it is this call's turn; who comes first goes first."""
        if not self._between_s:
            return
        now = self._clock()
        # What nobody used in the last second is saved up, and no more.
        self._due = max(self._due + self._between_s, now - 1.0 + self._between_s)
        if self._due > now:
            await self._sleep(self._due - now)


_paces: dict[tuple[str, float], Pace] = {}


def pace_of(account: str, per_second: float) -> Pace:
    """The pace of an account: one for all clients of this process, however many there are."""
    return _paces.setdefault((account, per_second), Pace(per_second))


async def patiently(attempt: Callable[[], Awaitable[Result]], patience_s: float, where: str) -> Result:
    """Try until ``attempt`` raises no :class:`NotYet`, waiting longer each time.

    Raises :class:`MarketUnavailable` after ``patience_s``, or at once where the market asks for more of it.
    """
    deadline = time.monotonic() + patience_s
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await attempt()
        except NotYet as error:
            wait = max(pause, error.after_s)
            if time.monotonic() + wait > deadline:
                raise MarketUnavailable(
                    f"The market at {where} does not answer ({error}).",
                    "Check that it runs and can be reached; the work goes on by itself when it does.",
                ) from error
        await asyncio.sleep(wait)
        pause = min(LONGEST_PAUSE_S, pause * 2)
