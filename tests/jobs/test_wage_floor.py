"""A reward below the wage floor is topped up at the marketplace, once. The monitor knows the market and its HITs."""

from active_learning.domain.submission import Response
from api.operations import labeling, monitoring, recounting
from tests.api.working import SLUG, opened
from tests.jobs.test_unfinished import World, world
from workers.jobs import collect, watch

__all__ = ["world"]  # the fixture


async def works(world: World, name: str, ms: float) -> str:
    """Somebody accepts the HIT, looks at each image for ``ms``, and submits here and at the market."""
    task = await world.task()
    worker = world.site.worker(name)
    assignment = worker.accept(str(task.hit))
    document = await opened(world.w, task, worker.id, assignment)
    token = (await labeling.open_assignment(world.w, task.id, assignment, worker.id, "")).token
    answers = [
        Response(position=n, value=world.truth[image], visible_ms=ms) for n, image in enumerate(document["images"])
    ]
    await labeling.save(world.w, token, answers)
    world.clock.move(seconds=20 * 60)
    receipt = await labeling.submit(world.w, token, (0, 0))
    worker.submit(assignment, receipt=receipt.receipt)
    return assignment


async def test_the_floor_is_reached_at_the_market_and_once(world: World) -> None:
    await world.w.store.categories.put(SLUG, {"category.policy.wage_floor_cents": 1_500})
    slow, quick = await works(world, "Ada", 15_000), await works(world, "Bob", 2_000)
    for _ in range(3):
        await collect.run(world.desk, {"category": SLUG})
        assert await recounting.differences(world.w, SLUG) == {}
    # 32 images for 15 s each are 8 minutes: $2.00 at $15 an hour, and the reward was $0.90.
    assert world.paid_at_the_market(slow) == ["1.10"]
    assert world.paid_at_the_market(quick) == []
    (payment,) = world.requester().list_bonus_payments(AssignmentId=slow)["BonusPayments"]
    assert "You worked 8.0 minutes on this task" in payment["Reason"]


async def test_the_monitor_knows_the_market_and_its_hits(world: World) -> None:
    await collect.run(world.desk, {"category": SLUG})
    world.site.worker("Ada").accept(str((await world.task()).hit))
    await collect.run(world.desk, {"category": SLUG})
    await watch.run(world.desk, {})
    seen = await monitoring.look(world.w)
    (loop,) = seen.loops
    assert (loop.hits, loop.people, loop.places) == (1, 1, (await world.task()).assignments - 1)
    (market,) = seen.markets
    assert market.reachable
    assert market.balance_cents == round(100 * float(world.requester().get_account_balance()["AvailableBalance"]))
