"""The job queue: a lease is exclusive, runs out when its worker dies, and never doubles work."""

import asyncio

from api.operations.context import Winnow
from api.store.jobs import Job
from tests.factories import FakeClock

KINDS = ["train", "collect"]


def clock(w: Winnow) -> FakeClock:
    assert isinstance(w.clock, FakeClock)
    return w.clock


async def lease(w: Winnow, owner: str) -> Job | None:
    return await w.store.jobs.lease(owner, KINDS, w.clock(), 15)


async def test_the_same_work_is_queued_once(w: Winnow) -> None:
    for _ in range(3):
        await w.store.jobs.insert("train", {"category": "bright", "round": 1}, w.clock())
    assert await lease(w, "a") is not None
    assert await lease(w, "b") is None


async def test_ten_workers_get_ten_different_jobs(w: Winnow) -> None:
    for number in range(10):
        await w.store.jobs.insert("train", {"round": number}, w.clock())
    leased = await asyncio.gather(*(lease(w, f"worker-{n}") for n in range(20)))
    ids = [job.id for job in leased if job is not None]
    assert len(ids) == len(set(ids)) == 10


async def test_a_dead_workers_job_goes_to_another_and_the_dead_one_cannot_finish_it(w: Winnow) -> None:
    await w.store.jobs.insert("train", {"round": 1}, w.clock())
    first = await lease(w, "dead")
    assert first is not None
    clock(w).move(16)
    second = await lease(w, "alive")
    assert second is not None and second.attempts == 2
    assert not await w.store.jobs.heartbeat(first.id, "dead", w.clock(), 15)
    await w.store.jobs.finish(first, "dead", w.clock())
    assert await w.store.jobs.heartbeat(second.id, "alive", w.clock(), 15)


async def test_a_heartbeat_keeps_the_lease(w: Winnow) -> None:
    await w.store.jobs.insert("train", {"round": 1}, w.clock())
    job = await lease(w, "a")
    assert job is not None
    for _ in range(5):
        clock(w).move(10)
        assert await w.store.jobs.heartbeat(job.id, "a", w.clock(), 15)
        assert await lease(w, "b") is None


async def test_a_recurring_job_comes_back_and_a_poke_brings_it_at_once(w: Winnow) -> None:
    await w.store.jobs.insert("collect", {"category": "bright"}, w.clock(), every_s=60)
    job = await lease(w, "a")
    assert job is not None
    await w.store.jobs.finish(job, "a", w.clock())
    assert await lease(w, "a") is None
    await w.store.jobs.poke("collect", {"category": "bright"}, w.clock())
    assert await lease(w, "a") is not None


async def test_a_poke_while_a_job_runs_lets_it_run_again(w: Winnow) -> None:
    for poked in (True, False):
        await w.store.jobs.insert("collect", {"category": "bright"}, w.clock(), every_s=60.0)
        job = await w.store.jobs.lease("a", ["collect"], w.clock(), 15)
        assert job is not None
        if poked:
            await w.store.jobs.poke("collect", {"category": "bright"}, w.clock())
        assert await w.store.jobs.lease("b", ["collect"], w.clock(), 15) is None, "it runs"
        await w.store.jobs.finish(job, "a", w.clock())
        again = await w.store.jobs.find("collect:bright")
        assert again is not None and (again["due_at"] <= w.clock()) is poked


async def test_a_failed_job_waits_then_gives_up_until_it_is_revived(w: Winnow) -> None:
    await w.store.jobs.insert("train", {"round": 1}, w.clock())
    job = await lease(w, "a")
    assert job is not None
    await w.store.jobs.fail(job, "a", w.clock(), "no luck", retry_in=5)
    assert await lease(w, "a") is None
    clock(w).move(6)
    job = await lease(w, "a")
    assert job is not None
    await w.store.jobs.fail(job, "a", w.clock(), "no luck again", retry_in=None)
    clock(w).move(1_000)
    assert await lease(w, "a") is None
    assert [d["error"] for d in await w.store.jobs.troubled()] == ["no luck again"]
    assert await w.store.jobs.revive(w.clock()) == 1
    assert await lease(w, "a") is not None
