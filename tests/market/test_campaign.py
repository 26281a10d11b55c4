"""A category asked at Prolific from the first study to the last payment: nothing differs but the settings."""

from collections.abc import AsyncIterator

import pytest

from active_learning.domain.submission import Response
from active_learning.domain.task import Task, TaskState
from api.operations import labeling, recounting
from api.operations.context import open_winnow
from tests import factories
from tests.api.working import SLUG, category_with, round_of
from tests.jobs.serving import Served
from tests.market.prolific_server import PROJECT, TOKEN, WORKSPACE, ProlificServer
from tests.turk.served import MovableClock, free_port
from workers.jobs import collect, reconcile
from workers.jobs.desk import Desk
from workers.market import open_markets
from workers.ray_runtime import RayRuntime

POLICY = {"slots": 30, "hidden_gold": 10, "validation": 0, "lessons": 0, "redundancy": 2, "reward_cents": 90}


@pytest.fixture
async def world(mongod_uri: str) -> AsyncIterator[tuple[Desk, ProlificServer, dict[str, bool]]]:
    server, port = ProlificServer(), free_port()
    served = Served(lambda: server.app, port)
    settings = factories.settings(
        mongod_uri,
        "prolific",
        more_markets=("prolific",),
        prolific_token=TOKEN,
        prolific_workspace=WORKSPACE,
        prolific_project=PROJECT,
        prolific_endpoint=served.url,
    )
    heavy, markets = RayRuntime(settings, cpus=1), open_markets(settings)
    async with open_winnow(settings, MovableClock()) as w:
        await factories.emptied(w)
        truth = await category_with(w, 60, 12, **POLICY)
        await w.store.categories.put(SLUG, {"category.market": "prolific"})
        await round_of(w, 1, 20)
        yield Desk(w, markets["turk"], heavy, markets), server, truth
        await heavy.close()
        for market in markets.values():
            await market.close()
    served.stop()


async def works(desk: Desk, server: ProlificServer, task: Task, name: str, truth: dict[str, bool]) -> str:
    """Somebody follows the study's link, answers at our page, and is sent back with the code; gives the submission."""
    submission, told = server.starts(str(task.hit), name)
    opened = await labeling.open_assignment(
        desk.winnow, task.id, told["assignmentId"], told["workerId"], told["turkSubmitTo"]
    )
    document = await desk.winnow.store.assignments.get(f"{submission}:{name}")
    assert document is not None
    answers = [Response(position=n, value=truth[image]) for n, image in enumerate(document["images"])]
    await labeling.save(desk.winnow, opened.token, answers)
    receipt = await labeling.submit(desk.winnow, opened.token, (1280, 800))
    assert (receipt.action, receipt.method) == ("https://app.prolific.com/submissions/complete", "get")
    server.completes(submission, receipt.fields["cc"])
    return submission


async def test_a_campaign_at_prolific(world: tuple[Desk, ProlificServer, dict[str, bool]]) -> None:
    desk, server, truth = world
    w = desk.winnow
    for _ in range(2):
        await collect.run(desk, {"category": SLUG})
    [study] = server.studies.values()
    [task] = await w.store.tasks.of_round(SLUG, 1)
    assert (study["id"], study["status"], study["reward"]) == (task.hit, "ACTIVE", 90)
    assert study["total_available_places"] == task.assignments

    given = [await works(desk, server, task, name, truth) for name in ("5a000001", "5a000002")]
    await reconcile.run(desk, {})  # what the next poll would have found is no difference
    for _ in range(2):
        await collect.run(desk, {"category": SLUG})
    assert [server.submissions[one]["status"] for one in given] == ["APPROVED", "APPROVED"]
    ledger = await w.store.payments.collection.find({}).sort("_id").to_list()
    assert [(one["_id"], one["act"], one["reward"]) for one in ledger] == [(one, "approve", 90) for one in given]
    assert all(one["done_at"] for one in ledger)
    assert (await w.store.tasks.get(task.id)).state is TaskState.CLOSED
    assert (await w.store.categories.get(SLUG))["submissions"]["approved"] == 2
    compared = await w.store.reconciliations.all()
    assert [(one["hits"], one["left"]) for one in compared] == [(1, 0)]
    assert await recounting.differences(w, SLUG) == {}


async def test_what_was_refused_at_prolifics_own_site_keeps_nobody_else_waiting(
    world: tuple[Desk, ProlificServer, dict[str, bool]],
) -> None:
    desk, server, truth = world
    w = desk.winnow
    await collect.run(desk, {"category": SLUG})
    [task] = await w.store.tasks.of_round(SLUG, 1)
    first = await works(desk, server, task, "5a000001", truth)
    second = await works(desk, server, task, "5a000002", truth)
    server.submissions[first]["status"] = "REJECTED"
    for _ in range(2):
        await collect.run(desk, {"category": SLUG})
    assert server.submissions[second]["status"] == "APPROVED"
    entries = {one["_id"]: one for one in await w.store.payments.collection.find({}).to_list()}
    assert "rejected, so it cannot be approved" in entries[first]["refused"]
    assert (await w.store.categories.get(SLUG))["money"]["committed_cents"] >= 0
    assert await recounting.differences(w, SLUG) == {}
