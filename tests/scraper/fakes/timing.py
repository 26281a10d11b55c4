"""A clock that only moves when somebody sleeps."""

import asyncio


class Time:
    """Seconds for sources and fakes alike: nobody waits for real."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def most_in(times: list[float], window: float) -> int:
    """The largest number of ``times`` that lie in any half-open window of so many seconds."""
    return max((sum(1 for other in times if start <= other < start + window) for start in times), default=0)
