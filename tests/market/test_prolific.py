"""Prolific's own ways: drafts, bonuses without tokens, long reasons, groups, currencies."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from active_learning.domain.errors import InputError, MarketUnavailable, StateError
from tests.jobs.serving import Served
from tests.market.prolific_server import PROJECT, TOKEN, WORKSPACE, ProlificServer
from tests.market.test_contract import order
from tests.turk.served import free_port
from workers.market import prolific_api as api
from workers.market.prolific import ProlificMarket


@pytest.fixture
def server() -> ProlificServer:
    return ProlificServer()


@pytest.fixture
async def market(server: ProlificServer) -> AsyncIterator[ProlificMarket]:
    served = Served(lambda: server.app, free_port())
    client = ProlificMarket(TOKEN, WORKSPACE, PROJECT, served.url, patience_s=5.0)
    yield client
    await client.close()
    served.stop()


async def worked(server: ProlificServer, market: ProlificMarket) -> tuple[str, str]:
    """Somebody called Ada has done the one study; gives the study and her submission."""
    hit = await market.post(order())
    submission, _ = server.starts(hit, "Ada")
    server.completes(submission, "DONE")
    return hit, submission


async def test_a_draft_whose_answer_was_lost_is_the_one_that_is_published(
    server: ProlificServer, market: ProlificMarket
) -> None:
    server.lies = [("POST", "studies/"), ("POST", "transition/")]
    hit = await market.post(order())
    assert server.lies == []
    assert [(one["id"], one["status"]) for one in server.studies.values()] == [(hit, "ACTIVE")]
    assert server.calls.count(("POST", "studies/")) == 2


async def test_a_draft_that_a_process_left_behind_is_published(server: ProlificServer, market: ProlificMarket) -> None:
    left = server.make_study(api.study(order(), PROJECT, "group"))["id"]
    assert await market.find("winnow:") == []
    assert await market.post(order()) == left
    assert [found.hit for found in await market.find("winnow:")] == [left]


async def test_an_answer_that_is_lost_pays_no_bonus_twice(server: ProlificServer, market: ProlificMarket) -> None:
    hit, submission = await worked(server, market)
    server.lies, server.late = [("POST", "/pay/")], True
    with pytest.raises(MarketUnavailable, match="may or may not have paid"):
        await market.bonus("Ada", submission, 25, "Quick.", "bonus-1")
    with pytest.raises(MarketUnavailable, match="does not show yet"):
        await market.bonus("Ada", submission, 25, "Quick.", "bonus-1")
    server.late = False
    await market.bonus("Ada", submission, 25, "Quick.", "bonus-1")
    assert server.submissions[submission]["bonus_payments"] == [25]
    assert [one.token for one in await market.bonuses(hit)] == ["bonus-1"]


async def test_a_bonus_that_was_announced_and_never_paid_is_paid_later(
    server: ProlificServer, market: ProlificMarket
) -> None:
    _, submission = await worked(server, market)
    server.messages.append(
        {
            **{"id": "e9", "recipient_id": "Ada", "body": api.announcement(25, submission, "Quick.", "bonus-1")},
            "sent_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
        }
    )
    await market.bonus("Ada", submission, 25, "Quick.", "bonus-1")
    await market.bonus("Ada", submission, 25, "Quick.", "bonus-1")
    assert server.submissions[submission]["bonus_payments"] == [25]


async def test_a_bonus_of_somebody_else_has_no_token(server: ProlificServer, market: ProlificMarket) -> None:
    hit, submission = await worked(server, market)
    server.submissions[submission]["bonus_payments"].append(40)
    await market.bonus("Ada", submission, 25, "Quick.", "bonus-1")
    assert [(one.cents, one.token) for one in await market.bonuses(hit)] == [(40, ""), (25, "bonus-1")]


async def test_a_busy_market_is_asked_again(server: ProlificServer, market: ProlificMarket) -> None:
    server.busy = 2
    assert await market.balance() == server.balance


async def test_a_workspace_in_pounds_is_refused(server: ProlificServer, market: ProlificMarket) -> None:
    server.currency = "GBP"
    with pytest.raises(InputError, match="counts in GBP"):
        await market.post(order())
    assert server.studies == {}


async def test_a_short_reason_is_made_long_enough(server: ProlificServer, market: ProlificMarket) -> None:
    hit, submission = await worked(server, market)
    await market.reject(submission, "Wrong.")
    assert server.submissions[submission]["status"] == "REJECTED"
    assert len(api.rejection("x")) >= api.SHORTEST_REASON
    with pytest.raises(StateError, match="rejected"):
        await market.approve(submission, override=True)  # Prolific takes no rejection back
    status = await market.status(hit)
    assert (status.available, status.completed) == (2, 1)  # the place is open to somebody else


async def test_who_is_blocked_gets_no_study(server: ProlificServer, market: ProlificMarket) -> None:
    await market.block("Eve", "spam")
    hit = await market.post(order())
    with pytest.raises(AssertionError):
        server.starts(hit, "Eve")
    await market.unblock("Eve", "")
    server.starts(hit, "Eve")


async def test_processes_that_start_at_once_share_a_blocklist(server: ProlificServer, market: ProlificMarket) -> None:
    other = ProlificMarket(TOKEN, WORKSPACE, PROJECT, str(market._http.base_url).removesuffix("/api/v1/"))
    await asyncio.gather(market.block("Ada", ""), other.block("Bo", ""))
    assert sorted(await market.blocked()) == sorted(await other.blocked()) == ["Ada", "Bo"]
    await other.close()


async def test_every_page_is_read(server: ProlificServer, market: ProlificMarket) -> None:
    for number in range(205):
        made = server.make_study(api.study(order(f"t{number}"), PROJECT, "group"))
        server.studies[made["id"]]["status"] = "ACTIVE"
    assert len({found.hit for found in await market.find("winnow:t")}) == 205


def test_the_task_page_is_told_who_comes() -> None:
    url = api.study_url("https://lab.org/tasks/t1?lang=de")
    assert url.startswith("https://lab.org/tasks/t1?lang=de&assignmentId={{%SESSION_ID%}}&workerId={{%PROLIFIC_PID%}}")
    assert url.endswith("&turkSubmitTo=https%3A%2F%2Fapp.prolific.com")


def test_a_long_title_keeps_its_end() -> None:
    title = "Does this image show " + "very " * 40 + "much? (150 images, digits 1.2.3)"
    short = api.study(order(title=title), "project", "group")["name"]
    assert len(short) == api.MAX_TITLE
    assert short.endswith("(150 images, digits 1.2.3)")
