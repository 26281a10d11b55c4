"""Notifications of our own marketplace: who has not signed is not heard, and what they say is only a hint."""

import hashlib
import hmac
import json
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from active_learning.domain.task import Task
from api.operations import settling
from api.operations.context import Winnow


def body(*hits: str) -> bytes:
    return json.dumps({"Events": [{"EventType": "AssignmentSubmitted", "HITId": hit} for hit in hits]}).encode()


def signed(w: Winnow, sent: bytes, seconds_ago: int = 0, secret: str = "", key: str = "") -> dict[str, str]:
    time = int(w.clock().timestamp()) - seconds_ago
    text = f"{time}.".encode() + sent
    digest = hmac.new((secret or w.settings.market_secret_key).encode(), text, hashlib.sha256).hexdigest()
    return {"Winnow-Signature": f"key={key or w.settings.market_access_key},time={time},hmac={digest}"}


async def due(w: Winnow) -> bool:
    """Whether the category is collected at once."""
    job = await w.store.jobs.find("collect:bright")
    assert job is not None
    return bool(job["due_at"] <= w.clock())


@pytest_asyncio.fixture
async def hit(w: Winnow, task: Task) -> str:
    """A task at the market; its category is looked at again in a minute."""
    await settling.posted(w, task, "HIT1")
    later = {"due_at": w.clock() + timedelta(minutes=1)}
    await w.store.jobs.collection.update_one({"_id": "collect:bright"}, {"$set": later})
    return "HIT1"


async def test_what_the_market_tells_is_looked_after_at_once(w: Winnow, anonymous: httpx.AsyncClient, hit: str) -> None:
    assert not await due(w)
    for sent in (body("HIT2"), body(hit, hit), body(hit)):
        reply = await anonymous.post("/market/events", content=sent, headers=signed(w, sent))
        assert (reply.status_code, reply.content) == (204, b"")
        assert await due(w) is (hit.encode() in sent)


async def test_who_has_not_signed_is_not_heard(w: Winnow, anonymous: httpx.AsyncClient, hit: str) -> None:
    sent = body(hit)
    for headers in (
        {},
        {"Winnow-Signature": "nonsense"},
        {"Winnow-Signature": "key=winnow,time=x,hmac="},
        signed(w, body("HIT2")),
        signed(w, sent, seconds_ago=301),
        signed(w, sent, seconds_ago=-301),
        signed(w, sent, secret="another"),
        signed(w, sent, key="another"),
    ):
        reply = await anonymous.post("/market/events", content=sent, headers=headers)
        assert reply.status_code == 403, headers
    assert not await due(w)


@pytest.mark.parametrize("sent", [b"", b"[]", b"{}", b'{"Events": 3}', b'{"Events": [3]}', b"\xff"])
async def test_what_is_no_notification_is_refused(w: Winnow, anonymous: httpx.AsyncClient, sent: bytes) -> None:
    reply = await anonymous.post("/market/events", content=sent, headers=signed(w, sent))
    assert reply.status_code == 422, reply.text
