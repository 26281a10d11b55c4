"""The demo says what keeps it from going on, instead of waiting for it."""

import pytest

from active_learning.domain.errors import StateError
from api.operations.context import Winnow
from deploy.demo import refuse_to_wait
from tests.factories import FakeClock
from workers.leased import ATTEMPTS, run_leased


async def test_a_job_that_failed_too_often_ends_the_demo(w: Winnow) -> None:
    async def fails() -> None:
        raise ValueError("no room left")

    assert isinstance(w.clock, FakeClock)
    await w.store.jobs.insert("train", {"category": "bright", "round": 1}, w.clock())
    for _ in range(ATTEMPTS):
        await refuse_to_wait(w)
        w.clock.move(60)
        job = await w.store.jobs.lease("a", ["train"], w.clock(), 15)
        assert job is not None
        await run_leased(w, "a", job, fails())
    with pytest.raises(StateError, match="'train:bright:1' has failed too often, at last with: ValueError: no room"):
        await refuse_to_wait(w)
    await w.store.jobs.revive(w.clock())
    await refuse_to_wait(w)
