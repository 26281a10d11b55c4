"""What every market must do for Winnow, whichever it is: one suite over all clients, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import pytest

from active_learning.domain.errors import (
    BudgetExhausted,
    Forbidden,
    InputError,
    MarketUnavailable,
    NotFound,
    StateError,
)
from tests.jobs.serving import Served
from tests.market.prolific_server import PROJECT, TOKEN, WORKSPACE, ProlificServer
from tests.turk.served import MovableClock, Site, free_port
from workers.market.mturk import MTurkMarket
from workers.market.prolific import ProlificMarket
from workers.market.protocol import HitOrder, Marketplace


class Side(Protocol):
    """A market as its people see it."""

    def client(self, key: str = "", patience_s: float = 10.0) -> Marketplace:
        """A new client, as of a process that has just started; ``key`` is another secret than the right one."""

    def submit(self, hit: str, name: str) -> str:
        """Somebody does a HIT; gives the assignment."""


class Turk:
    """Our own marketplace, through boto3."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def client(self, key: str = "", patience_s: float = 10.0) -> Marketplace:
        return MTurkMarket(self.served.url, "WINNOW", key or "any", patience_s=patience_s)

    def submit(self, hit: str, name: str) -> str:
        worker = Site(self.served.url, None, MovableClock(), None).worker(name)  # type: ignore[arg-type]
        assignment = worker.accept(hit)
        assert worker.submit(assignment, receipt="r").status_code == 200
        return assignment


class Prolific:
    """The stand-in for Prolific."""

    def __init__(self, server: ProlificServer, served: Served) -> None:
        self.server, self.served = server, served

    def client(self, key: str = "", patience_s: float = 10.0) -> Marketplace:
        return ProlificMarket(key or TOKEN, WORKSPACE, PROJECT, self.served.url, patience_s)

    def submit(self, hit: str, name: str) -> str:
        submission, _ = self.server.starts(hit, name)
        self.server.completes(submission, "DONE")
        return submission


@pytest.fixture(params=["turk", "prolific"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "turk":
        marketplace: Callable[..., Served] = request.getfixturevalue("marketplace")
        yield Turk(marketplace())
        return
    server = ProlificServer()
    served = Served(lambda: server.app, free_port())
    yield Prolific(server, served)
    served.stop()


@pytest.fixture
async def market(side: Side) -> AsyncIterator[Marketplace]:
    client = side.client()
    yield client
    await client.close()


def order(name: str = "digits-r1-w1-t1", **changes: Any) -> HitOrder:
    values: dict[str, Any] = {
        "token": name,
        "title": f"Does this image show a 3? (150 images, {name})",
        "description": "Look at 150 images and answer yes or no.",
        "question_url": f"http://127.0.0.1:8000/tasks/{name}",
        "reward_cents": 60,
        "assignments": 2,
        "lifetime_s": 3600,
        "duration_s": 600,
        "auto_approval_s": 86_400,
        "annotation": f"winnow:{name}",
        "completion_code": "DONE",
    }
    return HitOrder(**{**values, **changes})


async def test_what_is_posted_again_is_the_same_hit(side: Side, market: Marketplace) -> None:
    first = await market.post(order())
    assert await market.post(order()) == first
    restarted = side.client()
    assert await restarted.post(order()) == first
    second = await market.post(order("digits-r1-w1-t2"))
    assert {found.hit for found in await market.find("winnow:")} == {first, second}
    assert [found.annotation for found in await market.find("winnow:digits-r1-w1-t2")] == ["winnow:digits-r1-w1-t2"]
    await restarted.close()


async def test_several_processes_post_one_hit(side: Side) -> None:
    clients = [side.client() for _ in range(4)]
    assert len(set(await asyncio.gather(*(client.post(order()) for client in clients)))) == 1
    assert len(await clients[0].find("winnow:")) == 1
    for client in clients:
        await client.close()


async def test_places_are_taken_and_work_comes_back(side: Side, market: Marketplace) -> None:
    hit = await market.post(order())
    status = await market.status(hit)
    assert (status.state, status.available, status.pending, status.completed) == ("assignable", 2, 0, 0)
    given = [side.submit(hit, name) for name in ("Ada", "Bo")]
    found = await market.assignments(hit)
    assert [one.id for one in found] == given
    assert {(one.state, one.hit) for one in found} == {("submitted", hit)}
    assert len({one.annotator for one in found}) == 2
    assert all(one.accepted_at <= one.submitted_at for one in found)
    status = await market.status(hit)
    assert (status.state, status.available, status.pending) == ("reviewable", 0, 0)
    await market.approve(given[0])
    assert (await market.status(hit)).completed == 1


async def test_reviews_can_be_repeated_but_not_turned_round(side: Side, market: Marketplace) -> None:
    hit = await market.post(order())
    good, bad = (side.submit(hit, name) for name in ("Ada", "Bo"))
    for _ in range(2):
        await market.approve(good, "Thank you!")
        await market.reject(bad, "20 of 40 check images were wrong.")
    with pytest.raises(StateError, match="approved"):
        await market.reject(good, "Changed my mind.")
    with pytest.raises(StateError, match="rejected"):
        await market.approve(bad)
    assert [one.state for one in await market.assignments(hit)] == ["approved", "rejected"]
    with pytest.raises(InputError, match="reason"):
        await market.reject(bad, " ")


async def test_places_are_added_up_to_a_number(market: Marketplace) -> None:
    hit = await market.post(order())
    for places in (5, 5, 3):
        await market.extend(hit, places)
        assert (await market.status(hit)).max_assignments == 5


async def test_nobody_starts_on_what_is_expired(market: Marketplace) -> None:
    hit = await market.post(order())
    for _ in range(2):
        await market.expire(hit)
    status = await market.status(hit)
    assert (status.state, status.available, status.pending) == ("reviewable", 0, 0)


async def test_a_bonus_is_paid_once(side: Side, market: Marketplace) -> None:
    hit = await market.post(order())
    assignment = side.submit(hit, "Ada")
    await market.approve(assignment)
    [annotator] = [one.annotator for one in await market.assignments(hit)]
    before = await market.balance()
    for client in (market, market, side.client()):
        await client.bonus(annotator, assignment, 25, "You were very quick.", "bonus-1")
    spent = before - await market.balance()
    assert spent in (25, 30)  # with a fee or without
    await market.bonus(annotator, assignment, 25, "And again.", "bonus-2")
    paid = await market.bonuses(hit)
    assert sorted((one.assignment, one.annotator, one.cents, one.token) for one in paid) == [
        (assignment, annotator, 25, token) for token in ("bonus-1", "bonus-2")
    ]
    with pytest.raises(BudgetExhausted):
        await market.bonus(annotator, assignment, before + 1, "Too much.", "bonus-3")
    assert before - await market.balance() == 2 * spent


async def test_money_is_checked_before_people_are_asked(market: Marketplace) -> None:
    with pytest.raises(BudgetExhausted):
        await market.post(order(reward_cents=200_000, assignments=9))
    assert all(found.available == 0 for found in await market.find("winnow:"))


async def test_blocks_can_be_repeated_and_taken_back(side: Side, market: Marketplace) -> None:
    hit = await market.post(order())
    side.submit(hit, "Ada")
    [annotator] = [one.annotator for one in await market.assignments(hit)]
    for _ in range(2):
        await market.block(annotator, "shares a timing pattern")
    assert await market.blocked() == [annotator]
    for _ in range(2):
        await market.unblock(annotator, "")
    assert await market.blocked() == []


async def test_a_message_reaches_only_whose_work_was_decided(side: Side, market: Marketplace) -> None:
    hit = await market.post(order())
    assignment = side.submit(hit, "Ada")
    [annotator] = [one.annotator for one in await market.assignments(hit)]
    with pytest.raises(NotFound, match="approved or rejected"):
        await market.notify(annotator, "More work", "Come back.")
    await market.approve(assignment)
    await market.notify(annotator, "More work", "Come back.")


async def test_what_does_not_exist_and_who_may_not(side: Side, market: Marketplace) -> None:
    with pytest.raises(NotFound):
        await market.status("NOSUCHHIT1")
    with pytest.raises(NotFound):
        await market.approve("NOSUCHASSIGNMENT1")
    stranger = side.client("wrong")
    with pytest.raises(Forbidden):
        await stranger.balance()
    await stranger.close()


async def test_wrong_values_are_refused(market: Marketplace) -> None:
    with pytest.raises(InputError, match="https"):
        await market.post(order(question_url="ftp://example.org/tasks/1"))


async def test_a_market_that_is_gone_is_given_up_in_bounded_time(side: Side) -> None:
    client = side.client(patience_s=0.3)
    side.served.stop()  # type: ignore[attr-defined]
    with pytest.raises(MarketUnavailable, match="does not answer"):
        await client.post(order())
    side.served.start()  # type: ignore[attr-defined]
    await client.close()
