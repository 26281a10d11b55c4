"""Who may reach what: every role, and nobody, against every endpoint."""

import asyncio
import re

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from active_learning.domain.access import SCOPES, Scope, UserRole
from api.access import Needs
from api.operations import accounts, api_tokens
from api.operations.context import Winnow
from api.routers import ROUTERS
from tests import factories

OPEN = {
    "/tasks/{task_id}": "annotators come from a marketplace; the assignment's token is what lets them in",
    "/assignment": "wants the assignment's token",
    "/assignment/images": "wants the assignment's token",
    "/assignment/images/{position}/full": "wants the assignment's token",
    "/assignment/answers": "wants the assignment's token",
    "/assignment/submission": "wants the assignment's token",
    "/categories/{slug}/examples/{index}": "annotators see them before they accept",
    "/appeals/{token}": "whoever was refused holds the signed link; annotators have no account",
    "/sign-in": "whoever wants to sign in is not signed in",
    "/sign-in/elsewhere": "whoever wants to sign in is not signed in",
    "/sign-in/elsewhere/back": "what the provider says is what lets him in",
    "/sign-out": "ends a sign-in, and nothing else",
}
"""Every path that needs no sign-in, and why."""

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
CALLS = [(method, route) for route in ROUTES for method in sorted(route.methods)]
NAMES = [f"{method} {route.path}" for method, route in CALLS]


def needs(dependant: Dependant) -> list[Needs]:
    """What a route asks of who calls it."""
    here = [dependant.call] if isinstance(dependant.call, Needs) else []
    return [*here, *(found for below in dependant.dependencies for found in needs(below))]


def address(route: APIRoute) -> str:
    """The route's path with something that does not exist in every place."""
    return re.sub(r"\{[^}]*\}", "0", route.path)


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


@pytest.mark.parametrize(("method", "route"), CALLS, ids=NAMES)
async def test_nobody_reaches_what_is_not_his(
    w: Winnow, anonymous: httpx.AsyncClient, method: str, route: APIRoute
) -> None:
    wanted = needs(route.dependant)
    if not wanted:
        return
    (need,) = wanted
    assert (await anonymous.request(method, address(route))).status_code == 401
    for role in UserRole:
        anonymous.cookies.clear()
        cookies = await factories.cookie(w, role)
        anonymous.cookies.update(cookies)
        try:
            reply = await asyncio.wait_for(anonymous.request(method, address(route)), 2)
        except TimeoutError:  # a stream of news that does not end: it was let in
            assert route.path.endswith("/events")
            assert need.scope in SCOPES[role]
            continue
        assert (reply.status_code == 403) is (need.scope not in SCOPES[role]), (role, reply.text)
        assert reply.status_code != 401


async def test_a_token_may_do_less_than_its_owner(w: Winnow, app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    await accounts.enrol(w, "ann", UserRole.ADMIN, {})
    owner = await accounts.by_cookie(w, (await accounts.let_in(w, "ann")).key)
    assert owner is not None
    let = await api_tokens.make(w, owner, "look", [Scope.READ], 30)
    headers = {"Authorization": f"Bearer {let.key}"}
    assert (await anonymous.get("/", headers=headers)).status_code == 200
    refused = await anonymous.post("/categories/x/images-in", headers=headers)
    assert refused.status_code == 403
    assert "'curate'" in refused.json()["error"]["hint"]
    await api_tokens.revoke(w, "ann", "look")
    assert (await anonymous.get("/", headers=headers)).status_code == 401
