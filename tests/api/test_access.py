"""Who may reach what: every role, and nobody, against every endpoint."""

import asyncio
import re

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Message

from active_learning.domain.access import SCOPES, Scope, UserRole
from api.access import QUESTIONS, SAFE, Needs, act_of
from api.operations import api_tokens
from api.operations.context import Winnow
from api.routers import ROUTERS
from labeling_ui.acts import WORDS
from tests import factories

OPEN = {
    "/tasks/{task_id}": "annotators come from a marketplace; the assignment's token is what lets them in",
    "/assignment": "wants the assignment's token",
    "/assignment/images": "wants the assignment's token",
    "/assignment/images/{position}/full": "wants the assignment's token",
    "/assignment/answers": "wants the assignment's token",
    "/assignment/submission": "wants the assignment's token",
    "/categories/{slug}/examples/{index}": "annotators see them before they accept",
    "/market/events": "our own marketplace signs what it tells",
    "/appeals/{token}": "whoever was refused holds the signed link; annotators have no account",
    "/sign-in": "whoever wants to sign in is not signed in",
    "/sign-in/elsewhere": "whoever wants to sign in is not signed in",
    "/sign-in/elsewhere/back": "what the provider says is what lets him in",
    "/sign-out": "ends a sign-in, and nothing else",
}
"""Every path that needs no sign-in, and why."""

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
CALLS = [(method, route) for route in ROUTES for method in sorted(route.methods)]


def _file(route: APIRoute) -> str:
    return route.endpoint.__module__.removeprefix("api.routers.")


FILES = sorted({_file(route) for route in ROUTES if route.path not in OPEN})


def needs(dependant: Dependant) -> list[Needs]:
    """What a route asks of who calls it."""
    here = [dependant.call] if isinstance(dependant.call, Needs) else []
    return [*here, *(found for below in dependant.dependencies for found in needs(below))]


def address(route: APIRoute) -> str:
    """The route's path with something that does not exist in every place."""
    return re.sub(r"\{[^}]*\}", "0", route.path)


async def beginning(app: FastAPI, path: str, cookies: httpx.Cookies) -> int:
    """The status of a reply that may not end: a stream of news."""
    status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    said = "; ".join(f"{name}={value}" for name, value in cookies.items())
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "client": None, "root_path": ""}
    body: asyncio.Queue[Message] = asyncio.Queue()
    body.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            status.set_result(message["status"])

    call = asyncio.create_task(app({**scope, "headers": [(b"cookie", said.encode())]}, body.get, send))
    try:
        return await asyncio.wait_for(status, 20)
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


def test_what_is_open_is_open_on_purpose() -> None:
    assert {route.path for route in ROUTES if not needs(route.dependant)} == set(OPEN)


def test_an_act_needs_more_than_reading() -> None:
    """Except where somebody changes what is his own."""
    weak = {
        route.path
        for method, route in CALLS
        if method not in {"GET", "HEAD"}
        if any(need.scope is Scope.READ for need in needs(route.dependant))
    }
    assert {path for path in weak if not path.startswith(("/account", "/api/v1/account"))} == set()


def test_every_act_can_be_said_in_words() -> None:
    asked = {(act_of(route.endpoint), route.path) for method, route in CALLS if method not in SAFE}
    acts = {act for act, path in asked if path not in OPEN}
    assert acts - set(WORDS) - QUESTIONS == set()
    assert acts >= QUESTIONS


@pytest.mark.parametrize("file", FILES)
async def test_nobody_reaches_what_is_not_his(w: Winnow, app: FastAPI, anonymous: httpx.AsyncClient, file: str) -> None:
    """Every role, and nobody, against every endpoint of a file."""
    calls = [(*call, need) for call in CALLS if _file(call[1]) == file for need in needs(call[1].dependant)]
    for method, route, _ in calls:
        reply = await anonymous.request(method, address(route))
        assert reply.status_code == 401, (method, route.path, reply.text)
    for role in UserRole:
        anonymous.cookies.clear()
        anonymous.cookies.update(await factories.cookie(w, role))
        for method, route, need in calls:
            if route.path.endswith("/events"):
                status = await beginning(app, address(route), anonymous.cookies)
            else:
                status = (await anonymous.request(method, address(route))).status_code
            assert (status == 403) is (need.scope not in SCOPES[role]), (role, method, route.path, status)
            assert status != 401, (role, method, route.path)


async def test_a_forecast_is_no_act_and_still_wants_its_own_page(w: Winnow, http: httpx.AsyncClient) -> None:
    before, _ = await w.store.audit_log.last()
    await http.post("/api/v1/forecast", json={})
    assert (await w.store.audit_log.last())[0] == before
    assert (await http.post("/api/v1/forecast", json={}, headers={"Origin": "http://evil.test"})).status_code == 403
    await http.post("/api/v1/categories/car/pause")
    assert (await w.store.audit_log.last())[0] == before + 1


async def test_a_token_may_do_less_than_its_owner(w: Winnow, app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {await factories.token(w, Scope.READ)}"}
    assert (await anonymous.get("/", headers=headers)).status_code == 200
    refused = await anonymous.post("/categories/x/images-in", headers=headers)
    assert refused.status_code == 403
    assert "'curate'" in refused.json()["error"]["hint"]
    await api_tokens.revoke(w, "ann", "read")
    assert (await anonymous.get("/", headers=headers)).status_code == 401
