"""Back pressure: what is too much is turned away at once, and room that is free again is given out again."""

import asyncio
import json
from typing import Any

import httpx

from api.pressure import BackPressure


async def test_too_much_at_once_is_turned_away_and_told_when_to_come_back() -> None:
    gate, came = asyncio.Event(), [asyncio.Event() for _ in range(3)]

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        next(event for event in came if not event.is_set()).set()
        await gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    app = BackPressure(slow, most=2)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://winnow") as http:
        first = [asyncio.create_task(http.get("/assignment")) for _ in range(2)]
        stream = asyncio.create_task(http.get("/categories/car/events"))
        await asyncio.gather(*(arrived.wait() for arrived in came))
        refused = await http.get("/assignment")
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert "Nothing is lost" in json.loads(refused.content)["error"]["hint"]
        gate.set()
        assert [(await reply).text for reply in (*first, stream)] == ["done"] * 3
    assert app.in_hand == 0


async def test_a_request_that_fails_gives_its_room_back() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    app = BackPressure(broken, most=1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://winnow") as http:
        for _ in range(3):
            try:
                await http.get("/")
            except RuntimeError:
                continue
            raise AssertionError("the failure was swallowed")
    assert app.in_hand == 0


async def test_a_busy_process_still_says_that_it_lives() -> None:
    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    app = BackPressure(answers, most=0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://winnow") as http:
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get("/health/ready")).status_code == 503
