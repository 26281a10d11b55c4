"""Pictures for annotators through HTTP: batches, sizes, caching, seals, and who may have them."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from active_learning.domain.task import Task
from api.app import create_app
from api.operations import picturing
from api.operations.context import Winnow
from tests.api.test_assignments import answer_all, auth, open_task, submit
from tests.factories import FakeClock
from workers.crowd.eyes import sight
from workers.crowd.pages import files_in


async def batch(http: httpx.AsyncClient, context: dict[str, Any], **query: int) -> httpx.Response:
    return await http.get("/assignment/images", params=query, headers=auth(context))


async def everything(http: httpx.AsyncClient, context: dict[str, Any], size: int = 640) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < context["of"]:
        found += files_in((await batch(http, context, start=len(found), count=12, size=size)).content)
    return found


async def test_everybody_gets_every_image_in_an_order_and_in_bytes_of_his_own(
    http: httpx.AsyncClient, task: Task
) -> None:
    anna, ben = [await everything(http, await open_task(http, task, who)) for who in ("ANNA", "BEN")]
    seen = [list(map(sight, pictures)) for pictures in (anna, ben)]
    assert sorted(seen[0]) == sorted(seen[1])
    assert seen[0] != seen[1]
    assert not {hashlib.sha256(p).digest() for p in anna} & {hashlib.sha256(p).digest() for p in ben}
    assert all(picture.startswith(b"RIFF") for picture in anna)


async def test_a_batch_is_for_this_browser_alone_and_as_long_as_the_work(http: httpx.AsyncClient, task: Task) -> None:
    context = await open_task(http, task)
    reply = await batch(http, context, start=2, count=5, size=160)
    assert len(files_in(reply.content)) == 5
    assert "Authorization" in reply.headers["vary"]
    private, age, immutable = reply.headers["cache-control"].split(", ")
    assert (private, immutable) == ("private", "immutable")
    assert 0 < int(age.removeprefix("max-age=")) <= 32 * 60
    assert (await batch(http, context, start=2, count=5, size=160)).content == reply.content
    assert "nosniff" in reply.headers["x-content-type-options"]


async def test_the_last_batch_is_shorter(http: httpx.AsyncClient, task: Task) -> None:
    context = await open_task(http, task)
    reply = await batch(http, context, start=context["of"] - 3, count=24, size=320)
    assert len(files_in(reply.content)) == 3


@pytest.mark.parametrize(
    "query", [{"size": 641}, {"count": 25}, {"count": 151, "size": 160}, {"count": 0}, {"start": -1}, {"size": 10**9}]
)
async def test_what_there_is_not_is_refused(http: httpx.AsyncClient, task: Task, query: dict[str, int]) -> None:
    reply = await batch(http, await open_task(http, task), **query)
    assert reply.status_code == 422
    assert set(reply.json()["error"]) == {"message", "hint"}


async def test_thumbnails_come_all_at_once(http: httpx.AsyncClient, task: Task) -> None:
    context = await open_task(http, task)
    assert len(files_in((await batch(http, context, count=150, size=160)).content)) == context["of"]


async def test_full_resolution_is_sealed_and_never_kept(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    contexts = [await open_task(http, task, who) for who in ("ANNA", "BEN")]
    shown = files_in((await batch(http, contexts[0], start=0)).content)[0]
    before = await w.store.renditions.collection.count_documents({})
    replies = [await http.get("/assignment/images/0/full", headers=auth(context)) for context in contexts]
    assert [reply.headers["content-type"] for reply in replies] == ["image/webp"] * 2
    assert {reply.headers["cache-control"] for reply in replies} == {"no-store"}
    assert replies[0].content != replies[1].content
    assert sight(replies[0].content) == sight(shown)
    assert await w.store.renditions.collection.count_documents({}) == before


async def test_pictures_are_made_once_before_anybody_looks(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    made = await picturing.prepare_task(w, task)
    assert made >= len(task.slots)
    assert await picturing.prepare_task(w, task) == 0
    stored = await w.store.renditions.collection.count_documents({})
    context = await open_task(http, task)
    await everything(http, context)
    await everything(http, context, 1280)
    assert await w.store.renditions.collection.count_documents({}) == stored


async def test_nothing_is_shown_after_the_end(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    context = await open_task(http, task)
    await batch(http, context)
    assert isinstance(w.clock, FakeClock)
    w.clock.move(33 * 60)
    assert (await batch(http, context)).status_code == 410
    assert (await http.get("/assignment", headers=auth(context))).status_code == 200
    w.clock.move(2 * 3_600)
    assert (await batch(http, context)).status_code == 403


async def test_missing_bytes_are_an_error_that_says_what_to_do(http: httpx.AsyncClient, w: Winnow, task: Task) -> None:
    context = await open_task(http, task)
    await w.store.blobs.collection.delete_many({})
    reply = await batch(http, context)
    assert reply.status_code == 404
    assert "return the HIT" in reply.json()["error"]["hint"]


async def test_a_frame_without_an_origin_may_ask_the_assignment_api_and_nothing_else(
    http: httpx.AsyncClient, task: Task
) -> None:
    context = await open_task(http, task)
    reply = await http.get("/assignment", headers=auth(context) | {"Origin": "null"})
    assert reply.headers["access-control-allow-origin"] == "*"
    asked = {"Origin": "null", "Access-Control-Request-Method": "PUT"}
    asked |= {"Access-Control-Request-Headers": "authorization"}
    preflight = await http.options("/assignment/answers", headers=asked)
    assert preflight.status_code == 200
    for closed in ("/", f"/categories/{task.category}"):
        reply = await http.get(closed, headers={"Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in reply.headers


async def test_a_busy_process_says_so_to_such_a_frame_too(w: Winnow) -> None:
    busy = create_app(replace(w.settings, in_hand=0), w.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(busy), base_url="http://winnow") as http:
        reply = await http.get("/assignment", headers={"Origin": "null"})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.headers["access-control-allow-origin"] == "*"


async def test_many_at_the_same_time_get_what_is_theirs(http: httpx.AsyncClient, task: Task) -> None:
    contexts = [await open_task(http, task, f"W{number}") for number in range(12)]
    alone = [await everything(http, context) for context in contexts]
    together = await asyncio.gather(*(everything(http, context) for context in contexts))
    assert list(together) == alone


async def test_the_researchers_pages_get_small_pictures_too(http: httpx.AsyncClient, task: Task) -> None:
    image = task.asked[0]
    original = await http.get(f"/images/{image}")
    assert original.headers["content-type"] == "image/png"
    small = await http.get(f"/images/{image}", params={"size": 320})
    assert small.headers["content-type"] == "image/webp"
    assert sight(small.content) == sight(original.content)
    assert (await http.get(f"/images/{image}", params={"size": 321})).status_code == 422
    assert (await http.get(f"/images/{'0' * 64}", params={"size": 320})).status_code == 404


async def test_a_process_remembers_only_work_that_is_under_way(
    http: httpx.AsyncClient, app: FastAPI, w: Winnow, task: Task
) -> None:
    kept = app.state.albums.kept
    anna = await open_task(http, task)
    await batch(http, anna)
    assert len(kept) == 1
    await answer_all(http, anna)
    await submit(http, anna)
    assert len(kept) == 0
    await batch(http, await open_task(http, task, "BEN"))
    assert isinstance(w.clock, FakeClock)
    w.clock.move(31 * 60)
    await batch(http, await open_task(http, task, "CLEO"))
    w.clock.move(2 * 60)
    await batch(http, await open_task(http, task, "DORA"))
    assert [album.assignment for album in kept.values()] == ["ASGCLEO:CLEO", "ASGDORA:DORA"]
