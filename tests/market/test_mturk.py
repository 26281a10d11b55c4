"""The boto3 client against the marketplace that speaks the same API, over real HTTP."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

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
from tests.turk.served import SECRET, MovableClock, Site, free_port
from workers.market import MarketOptions, open_market
from workers.market import requester_api as api
from workers.market.mturk import MTurkMarket
from workers.market.protocol import HitOrder, Marketplace
from workers.turk import tenants
from workers.turk.clock import system_clock
from workers.turk.database import Database
from workers.turk.settings import TurkSettings


@pytest.fixture
def served(marketplace: Callable[..., Served]) -> Served:
    return marketplace()


@pytest.fixture
def market(served: Served) -> Marketplace:
    return open_market("turk", MarketOptions(endpoint=served.url, access_key="WINNOW", secret_key="any"))


def order(token: str = "digits-r1-w1-t1", **changes: Any) -> HitOrder:
    values: dict[str, Any] = {
        "token": token,
        "title": f"Does this image show a 3? (150 images, {token})",
        "description": "Look at 150 images and answer yes or no.",
        "keywords": "image, yes, no",
        "question_url": f"http://127.0.0.1:8000/tasks/{token}?lang=en&mode=<single>",
        "reward_cents": 60,
        "assignments": 2,
        "lifetime_s": 3600,
        "duration_s": 600,
        "auto_approval_s": 86_400,
        "annotation": f"winnow:{token}",
    }
    return HitOrder(**{**values, **changes})


def submit(served: Served, hit: str, name: str, **fields: str) -> str:
    """Somebody does the HIT at the marketplace's site; gives the assignment."""
    worker = Site(served.url, None, MovableClock(), None).worker(name)  # type: ignore[arg-type]
    assignment = worker.accept(hit)
    assert worker.submit(assignment, **fields).status_code == 200
    return assignment


async def test_the_same_token_is_the_same_hit(market: Marketplace) -> None:
    first = await market.post(order())
    assert await market.post(order()) == first
    assert await market.post(order("digits-r1-w1-t2")) != first
    assert len(await market.find("winnow:")) == 2


async def test_a_lost_hit_id_is_recovered(served: Served, market: Marketplace) -> None:
    first = await market.post(order(token="t" * 90, annotation="winnow:long"))
    after_a_crash = MTurkMarket(served.url, "WINNOW", "any")
    assert await after_a_crash.post(order(token="t" * 90, annotation="winnow:long")) == first
    assert [found.hit for found in await after_a_crash.find("winnow:long")] == [first]


async def test_what_was_posted_and_extended_days_ago_is_found(marketplace: Callable[..., Served]) -> None:
    clock = MovableClock()
    served = marketplace(clock)
    first = MTurkMarket(served.url, "WINNOW", "any")
    hit = await first.post(order(lifetime_s=30 * 86_400))
    await first.extend(hit, 4)
    clock.move(hours=25)  # the market has forgotten both tokens, and the process that knew the HIT is gone
    later = MTurkMarket(served.url, "WINNOW", "any")
    assert await later.post(order(lifetime_s=30 * 86_400)) == hit
    await later.extend(hit, 4)
    assert [(found.hit, found.max_assignments) for found in await later.find("winnow:")] == [(hit, 4)]


async def test_a_token_that_made_another_hit_is_an_error(market: Marketplace) -> None:
    await market.post(order())
    with pytest.raises(StateError, match="another HIT"):
        await market.post(order(annotation="winnow:something-else"))


async def test_what_was_submitted_comes_back(served: Served, market: Marketplace) -> None:
    hit = await market.post(order(assignments=3))
    ids = [submit(served, hit, name, receipt=f"<R&{name}>") for name in ("Ada", "Bo")]
    found = await market.assignments(hit)
    assert [assignment.id for assignment in found] == ids
    assert [assignment.fields for assignment in found] == [{"receipt": "<R&Ada>"}, {"receipt": "<R&Bo>"}]
    assert {assignment.state for assignment in found} == {"submitted"}
    assert len({assignment.annotator for assignment in found}) == 2
    assert all(assignment.accepted_at <= assignment.submitted_at for assignment in found)
    status = await market.status(hit)
    assert (status.state, status.available, status.pending, status.completed) == ("assignable", 1, 0, 0)
    assert status.annotation == "winnow:digits-r1-w1-t1"


async def test_every_page_of_hits_is_read(market: Marketplace) -> None:
    posted = [await market.post(order(f"t{number}", reward_cents=1, assignments=1)) for number in range(105)]
    assert sorted(found.hit for found in await market.find("winnow:t")) == sorted(posted)


async def test_reviews_can_be_repeated_but_not_turned_round(served: Served, market: Marketplace) -> None:
    hit = await market.post(order())
    good, bad = (submit(served, hit, name) for name in ("Ada", "Bo"))
    before = await market.balance()
    for _ in range(2):
        await market.approve(good, "Thank you\x00!")
        await market.reject(bad, "20 of 40 check images were wrong. " * 60)
    with pytest.raises(StateError, match="approved"):
        await market.reject(good, "Changed my mind.")
    with pytest.raises(StateError, match="rejected"):
        await market.approve(bad)
    assert [assignment.state for assignment in await market.assignments(hit)] == ["approved", "rejected"]
    assert await market.balance() == before + 72  # the rejected one's reward and fee are free again
    with pytest.raises(InputError, match="reason"):
        await market.reject(bad, " ")


async def test_a_rejection_can_be_taken_back(served: Served, market: Marketplace) -> None:
    hit = await market.post(order())
    assignment = submit(served, hit, "Ada")
    before = await market.balance()
    await market.reject(assignment, "21 of 40 check images were right.")
    for _ in range(2):
        await market.approve(assignment, "You were right, we are sorry.", override=True)
    assert [found.state for found in await market.assignments(hit)] == ["approved"]
    assert await market.balance() == before


async def test_a_message_reaches_only_whose_work_was_decided(served: Served, market: Marketplace) -> None:
    hit = await market.post(order())
    assignment = submit(served, hit, "Ada")
    annotator = (await market.assignments(hit))[0].annotator
    with pytest.raises(NotFound, match="not approved or rejected"):
        await market.notify(annotator, "More work", "Come back.")
    await market.approve(assignment)
    await market.notify(annotator, "More work", "Come back.")
    worker = Site(served.url, None, MovableClock(), None).worker("Ada")  # type: ignore[arg-type]
    assert "Come back." in worker.http.get("/messages").text


async def test_what_does_not_exist(served: Served, market: Marketplace, mongod_uri: str, database_name: str) -> None:
    settings = TurkSettings(mongodb_uri=mongod_uri, secret=SECRET, database=f"{database_name}_0")
    database = Database(settings.mongodb_uri, settings.database)
    other_account = MTurkMarket(served.url, *await tenants.make_key(database, settings, "somebody", system_clock()))
    await database.close()
    hit = await market.post(order())
    assignment = submit(served, hit, "Ada")
    for stranger, known in ((other_account, hit), (market, "NOSUCHHIT1")):
        with pytest.raises(NotFound):
            await stranger.status(known)
        with pytest.raises(NotFound):
            await stranger.expire(known)
    with pytest.raises(NotFound):
        await other_account.approve(assignment)


async def test_an_extension_counts_once(market: Marketplace) -> None:
    hit = await market.post(order())
    for _ in range(2):
        await market.extend(hit, 5)
    assert (await market.status(hit)).max_assignments == 5
    await market.extend(hit, 4)
    assert (await market.status(hit)).max_assignments == 5
    with pytest.raises(StateError):
        await market.extend(hit, 10)


async def test_a_bonus_is_paid_once(served: Served, market: Marketplace) -> None:
    hit = await market.post(order())
    assignment = submit(served, hit, "Ada")
    annotator = (await market.assignments(hit))[0].annotator
    before = await market.balance()
    for _ in range(2):
        await market.bonus(annotator, assignment, 25, "You were very quick.", "bonus-1")
    assert await market.balance() == before - 30
    [paid] = await market.bonuses(hit)
    assert (paid.assignment, paid.annotator, paid.cents, paid.token) == (assignment, annotator, 25, "bonus-1")
    with pytest.raises(BudgetExhausted):
        await market.bonus(annotator, assignment, before, "Too much.", "bonus-2")
    assert await market.balance() == before - 30


async def test_money_and_values_are_checked(market: Marketplace) -> None:
    with pytest.raises(BudgetExhausted, match="insufficient funds"):
        await market.post(order(reward_cents=100_000, assignments=9))
    with pytest.raises(InputError, match="https"):
        await market.post(order("t2", question_url="http://example.org/tasks/1"))
    with pytest.raises(InputError):
        await market.post(order("t3", duration_s=1))


async def test_a_long_title_keeps_its_end(market: Marketplace) -> None:
    title = "Does this image show " + "very " * 40 + "much? (150 images, digits 1.2.3)"
    hit = await market.post(order(title=title))
    assert (await market.status(hit)).hit == hit
    shortened = api.hit_type(order(title=title))["Title"]
    assert len(shortened) == 128
    assert shortened.startswith("Does this image show very")
    assert shortened.endswith("(150 images, digits 1.2.3)")


async def test_an_unreachable_market_is_given_up_in_bounded_time() -> None:
    market = MTurkMarket(f"http://127.0.0.1:{free_port()}", "WINNOW", "any", patience_s=1.0)
    started = time.monotonic()
    with pytest.raises(MarketUnavailable, match="does not answer") as caught:
        await market.post(order())
    assert 0.5 < time.monotonic() - started < 5
    assert "Check" in caught.value.hint


async def test_a_restart_of_the_market_is_waited_out(served: Served, market: Marketplace) -> None:
    hit = await market.post(order())
    assignment = submit(served, hit, "Ada")
    served.stop()
    approving = asyncio.create_task(market.approve(assignment))
    await asyncio.sleep(0.5)
    assert not approving.done()
    await asyncio.to_thread(served.start)
    await approving
    assert (await market.status(hit)).completed == 1


def test_unknown_markets_are_named() -> None:
    with pytest.raises(InputError, match="turk, mturk-sandbox, mturk"):
        open_market("ebay", MarketOptions(endpoint="", access_key="", secret_key=""))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AWS.MechanicalTurk.HITDoesNotExist", NotFound),
        ("AWS.MechanicalTurk.AssignmentDoesNotExist", NotFound),
        ("AWS.MechanicalTurk.InsufficientFunds", BudgetExhausted),
        ("AWS.MechanicalTurk.InvalidHITState", StateError),
        ("AWS.BadCredentialSupplied", Forbidden),
        ("AWS.MechanicalTurk.InvalidParameterValue", InputError),
    ],
)
def test_error_codes_become_errors(code: str, kind: type[Exception]) -> None:
    refused = {"Error": {"Code": "RequestError", "Message": "No."}, "TurkErrorCode": code}
    error = api.refusal(api.error_code(refused), "No.")
    assert type(error) is kind
    assert str(error).startswith("The market refuses: No.")


def test_ids_are_told_from_times() -> None:
    hit = "3XXU1SWE8NEXAMPLEEXAMPLE123456"
    assert list(api.ids_in(f"A HIT with this token already exists: {hit}. (1700000000000 s)")) == [hit]


def test_answers_that_cannot_be_read_have_no_fields() -> None:
    assert api.answer_fields("<oops") == {}
    assert api.answer_fields("") == {}
