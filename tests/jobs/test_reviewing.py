"""What people decide about work reaches the real marketplace: once, and never against what was promised."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from active_learning.domain.errors import BudgetExhausted, InputError, NotFound, StateError
from api.operations import appeals, labeling, reviewing
from tests.api.working import SLUG
from tests.jobs.posted import World, posted
from workers.jobs import tell


@pytest_asyncio.fixture
async def world(mongod_uri: str) -> AsyncIterator[World]:
    """A marketplace and one task, as the policy is by default."""
    async with posted(mongod_uri) as opened:
        yield opened


@pytest_asyncio.fixture
async def by_hand(mongod_uri: str) -> AsyncIterator[World]:
    """The same, where people decide about refusals."""
    async with posted(mongod_uri, refusals="by_hand", wage_floor_cents=100_000) as opened:
        yield opened


async def told(world: World) -> None:
    """Do what was written down about people."""
    for document in await world.w.store.market_acts.collection.find({"done_at": None}).sort("_id").to_list():
        await tell.run(world.desk, {"act": document["_id"]})


async def test_a_refusal_an_appeal_and_pay_after_all(world: World) -> None:
    _, submission = await world.finishes("Ada", right=1)
    await world.collected()
    state, feedback = world.at_the_market(submission)
    assert state == "Rejected"
    token = feedback.rpartition("/appeals/")[2]
    before = await world.counters()

    page = await appeals.look(world.w, token)
    assert (page.submission, page.state, page.text) == (submission, "", "")
    await appeals.send(world.w, token, "I did look.\nPlease check.", "de")
    await appeals.send(world.w, token, "I did look, on a phone.", "de")
    await world.w.store.categories.put(SLUG, {"category.policy.budget_cents": 100})
    with pytest.raises(BudgetExhausted):
        await appeals.answer(world.w, submission, True, "You are right.", "ann")
    assert (await appeals.look(world.w, token)).state == "open"
    await world.w.store.categories.put(SLUG, {"category.policy.budget_cents": 10_000})
    for _ in range(2):
        await appeals.answer(world.w, submission, True, "You are right.", "ann")
        await world.collected()
    assert world.at_the_market(submission) == ("Approved", "You are right.")
    spent, committed, *_ = await world.counters()
    assert (spent, committed) == (before[0] + 108, before[1])
    seen = await appeals.look(world.w, token)
    assert (seen.state, seen.answer, seen.paid) == ("accepted", "You are right.", True)
    with pytest.raises(StateError):
        await appeals.send(world.w, token, "One more thing.", "de")
    document = await world.w.store.categories.get(SLUG)
    assert (document["submissions"]["approved"], document["submissions"]["rejected"]) == (1, 0)
    assert not await reviewing.approve(world.w, submission, "ann")


async def test_after_a_month_a_bonus_pays_what_was_refused(world: World) -> None:
    _, submission = await world.finishes("Ada", right=1)
    await world.collected()
    world.clock.move(days=40)
    for _ in range(2):
        await reviewing.approve(world.w, submission, "ann", "We were wrong.")
        await world.collected()
    assert world.at_the_market(submission)[0] == "Rejected"
    assert world.paid_at_the_market(submission.partition(":")[0]) == ["0.90"]


async def test_what_the_market_does_not_take_back_is_paid_by_a_bonus(world: World) -> None:
    _, submission = await world.finishes("Ada", right=1)
    await world.collected()
    before = await world.counters()
    hit = str((await world.task()).hit)
    world.requester().update_expiration_for_hit(HITId=hit, ExpireAt=0)
    await world.collected()
    world.requester().delete_hit(HITId=hit)
    await reviewing.approve(world.w, submission, "ann", "We were wrong.")
    for _ in range(2):
        await world.collected()
    assert world.paid_at_the_market(submission.partition(":")[0]) == ["0.90"]
    override = await world.w.store.payments.get(f"{submission.partition(':')[0]}:override")
    assert override is not None and override["refused_at"] is not None
    assert (await world.counters())[0] == before[0] + 108
    assert not await reviewing.approve(world.w, submission, "ann")


async def test_nobody_is_refused_before_a_person_decides(by_hand: World) -> None:
    world = by_hand
    _, poor = await world.finishes("Ada", right=1)
    _, late = await world.finishes("Bo", right=1)
    await world.collected()
    assert world.at_the_market(poor) == ("Submitted", "")
    with pytest.raises(InputError, match="reason"):
        await reviewing.refuse(world.w, poor, "ann", "  ")
    for _ in range(2):
        await reviewing.refuse(world.w, poor, "ann", "You said no to everything.")
        await world.collected()
    state, feedback = world.at_the_market(poor)
    assert state == "Rejected"
    assert feedback.startswith("You said no to everything. If you think")
    world.clock.move(days=2, hours=1)
    await world.collected()
    assert world.at_the_market(late) == ("Approved", reviewing.NOT_IN_TIME)
    with pytest.raises(StateError, match="paid"):
        await reviewing.refuse(world.w, late, "ann", "Too late.")
    with pytest.raises(NotFound):
        await reviewing.refuse(world.w, "NOBODY:A1", "ann", "Who?")


async def test_what_the_market_paid_meanwhile_counts_as_paid(by_hand: World) -> None:
    _, submission = await by_hand.finishes("Ada", right=1)
    await by_hand.collected()
    await reviewing.refuse(by_hand.w, submission, "ann", "You said no to everything.")
    by_hand.requester().approve_assignment(AssignmentId=submission.partition(":")[0])
    await by_hand.collected()
    entry = await by_hand.w.store.payments.get(submission.partition(":")[0])
    assert entry is not None
    assert (entry["act"], entry["reward"], entry["done_at"] is not None) == ("approve", 90, True)


async def test_a_bonus_with_a_number_is_paid_once(world: World) -> None:
    _, submission = await world.finishes("Ada")
    await world.collected()
    for _ in range(2):
        await reviewing.bonus(world.w, submission, 1, 50, "Thank you for going slowly.", "ann")
        await world.collected()
    assert world.paid_at_the_market(submission.partition(":")[0]) == ["0.50"]
    with pytest.raises(StateError, match=r"\$0.50"):
        await reviewing.bonus(world.w, submission, 1, 60, "Another one.", "ann")
    with pytest.raises(BudgetExhausted, match="budget"):
        await reviewing.bonus(world.w, submission, 2, 9_999, "Too much.", "ann")
    with pytest.raises(InputError):
        await reviewing.bonus(world.w, submission, 2, 0, "Nothing.", "ann")


async def test_blocked_invited_back_and_stopped_again(world: World) -> None:
    w = world.w
    worker, _ = await world.finishes("Ada")
    await world.collected()
    task = await world.task()
    for _ in range(2):
        await reviewing.block(w, worker.id, "two accounts", "ann")
        await told(world)
    assert await world.desk.market.blocked() == [worker.id]
    assert (await w.store.annotators.stopped(SLUG, worker.id)) == reviewing.BLOCKED
    with pytest.raises(labeling.Forbidden, match="no more work"):
        await labeling.open_assignment(w, task.id, "ANOTHER", worker.id, "")
    with pytest.raises(StateError, match="blocked"):
        await reviewing.invite(w, worker.id, 3, "Come back", "Please.", "ann")
    await reviewing.unblock(w, worker.id, "ann")
    await told(world)
    assert await world.desk.market.blocked() == []

    await reviewing.stop_asking(w, SLUG, worker.id, "ann")
    assert await w.store.annotators.stopped(SLUG, worker.id) is not None
    for _ in range(2):
        await reviewing.invite(w, worker.id, 3, "Come back", "There is more: <b>now</b>.", "ann")
        await told(world)
    assert await w.store.annotators.stopped(SLUG, worker.id) is None
    page = worker.http.get("/messages").text
    assert page.count("Come back") == 1
    assert await w.store.annotators.forgiven(SLUG) == {worker.id: (1, 0)}
    await w.store.annotators.stop_asking(SLUG, {worker.id}, "again", w.clock())
    assert await w.store.annotators.stopped(SLUG, worker.id) == "again"
    with pytest.raises(NotFound):
        await reviewing.block(w, "NOBODY", "x", "ann")
