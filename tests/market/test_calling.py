"""How a market is called: a steady pace, and patience that ends."""

import asyncio

import pytest

from active_learning.domain.errors import MarketUnavailable
from workers.market.calling import NotYet, Pace, pace_of, patiently


class Time:
    """A clock that only sleeping moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_calls_keep_their_pace_and_save_up_a_second() -> None:
    time = Time()
    pace = Pace(5, time, time.sleep)
    times = []
    for _ in range(16):
        await pace.turn()
        times.append(time.now)
    assert times[:5] == [0.0] * 5
    assert [round(at, 6) for at in times[5:]] == [round(0.2 * n, 6) for n in range(1, 12)]
    time.now += 60  # a quiet minute is worth no more than a quiet second
    for _ in range(10):
        await pace.turn()
    assert time.now - times[-1] - 60 == pytest.approx(1.0)


async def test_callers_wait_in_a_row() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(1, lambda: 100.0, sleep)
    await asyncio.gather(*(pace.turn() for _ in range(4)))
    assert waits == [1.0, 2.0, 3.0]


def test_clients_of_one_account_share_a_pace() -> None:
    assert pace_of("market key", 3) is pace_of("market key", 3)
    assert pace_of("market key", 3) is not pace_of("market other", 3)


async def test_patience_ends_at_once_where_the_market_asks_for_more_of_it() -> None:
    async def attempt() -> None:
        raise NotYet("429", after_s=3600)

    with pytest.raises(MarketUnavailable, match=r"http://market does not answer \(429\)"):
        await patiently(attempt, 30, "http://market")


async def test_another_try_is_made() -> None:
    tries = []

    async def attempt() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise NotYet("busy")
        return "done"

    assert await patiently(attempt, 30, "http://market") == "done"
