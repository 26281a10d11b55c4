"""Single reads of one moment become one read; errors reach all who wait, and nobody suffers from who stops waiting."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from api.store.coalescing import Coalescer


class Shelf:
    """What is read: keys of digits; "x" breaks the read that it is part of, "none" has no value."""

    def __init__(self, slow: bool = False) -> None:
        self.reads: list[list[str]] = []
        self.running = 0
        self.most_running = 0
        self._slow = slow

    async def read(self, keys: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
        """Yield values in another order than asked."""
        self.reads.append(list(keys))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for key in reversed(keys):
                await asyncio.sleep(0.001 if self._slow else 0)
                if key == "x":
                    raise ConnectionError("the server is gone")
                if key != "none":
                    yield key, f"value of {key}"
        finally:
            self.running -= 1


async def test_what_is_asked_in_one_tick_is_read_at_once() -> None:
    shelf = Shelf()
    single = Coalescer(shelf.read)
    values = await asyncio.gather(*(single.get(key) for key in ("1", "2", "1", "none")))
    assert values == ["value of 1", "value of 2", "value of 1", None]
    assert shelf.reads == [["1", "2", "none"]]


async def test_reads_are_bounded_in_size_and_number() -> None:
    shelf = Shelf(slow=True)
    single = Coalescer(shelf.read, most=4, at_once=2)
    values = await asyncio.gather(*(single.get(str(n)) for n in range(30)))
    assert values == [f"value of {n}" for n in range(30)]
    assert max(map(len, shelf.reads)) == 4
    assert shelf.most_running == 2


async def test_an_error_reaches_everybody_of_its_read_and_the_next_read_works() -> None:
    shelf = Shelf()
    single = Coalescer(shelf.read)
    values = await asyncio.gather(*(single.get(key) for key in ("1", "x", "1")), return_exceptions=True)
    assert [type(value) for value in values] == [ConnectionError] * 3
    assert await single.get("1") == "value of 1"


async def test_values_that_came_before_an_error_arrive() -> None:
    single = Coalescer(Shelf().read)
    values = await asyncio.gather(single.get("x"), single.get("1"), return_exceptions=True)
    assert isinstance(values[0], ConnectionError)
    assert values[1] == "value of 1"


async def test_nothing_is_read_for_those_who_have_gone() -> None:
    shelf = Shelf()
    single = Coalescer(shelf.read, at_once=1)
    first = asyncio.create_task(single.get("1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone = asyncio.create_task(single.get("2"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([first, gone])
    assert await single.get("3") == "value of 3"
    assert shelf.reads == [["1"], ["3"]]


@pytest.mark.parametrize("seed", range(8))
async def test_under_stress_everybody_gets_his_own_value_an_error_or_his_cancellation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shelf = Shelf()
    single = Coalescer(shelf.read, most=5, at_once=3)

    async def ask(key: str, after: int) -> str | None:
        for _ in range(after):
            await asyncio.sleep(0)
        return await single.get(key)

    keys = [str(rng.choice([*map(str, range(20)), "none", "x"], p=[0.045] * 20 + [0.07, 0.03])) for _ in range(400)]
    asked = [asyncio.create_task(ask(key, int(rng.integers(0, 60)))) for key in keys]
    cancelled = set(rng.choice(400, size=60, replace=False).tolist())
    for n in sorted(cancelled):
        await asyncio.sleep(0)
        asked[n].cancel()
    await asyncio.wait(asked, timeout=10)
    for n, (key, task) in enumerate(zip(keys, asked, strict=True)):
        assert task.done()
        if task.cancelled():
            assert n in cancelled
        elif error := task.exception():
            assert isinstance(error, ConnectionError)
        else:
            assert task.result() == (None if key == "none" else f"value of {key}")
    assert sum(not task.cancelled() and task.exception() is None for task in asked) > 150
