"""Signing in and out, and the requester's own account: access keys and password."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.turk import passwords, requesters, tenants
from workers.turk.errors import FormRefused, WorkerRefused
from workers.turk.marketplace import marketplace_of
from workers.turk.site.entrance import address
from workers.turk.site.requester.desk import HOME, Desk, at_desk, begin, end, read_form, sign_in_page
from workers.turk.site.session import own_path


def _target(text: str) -> str:
    """Where to go after signing in: a page of the requesters' site only."""
    path = own_path(text)
    return path if path.startswith(HOME) else HOME


async def door(request: Request) -> Response:
    """GET /requester/sign-in."""
    return sign_in_page(request, "", _target(request.query_params.get("next", HOME)))


async def sign_in(request: Request) -> Response:
    """POST /requester/sign-in: by name and password."""
    marketplace, form = marketplace_of(request), {}
    try:
        form = dict(await read_form(request))
        name, password = form.get("name", "").strip(), form.get("password", "")
        found = await requesters.sign_in(marketplace.database, name, password, address(request), marketplace.clock())
    except WorkerRefused as refused:
        return sign_in_page(request, form.get("name", ""), _target(form.get("next", HOME)), refused)
    return begin(request, found, _target(form.get("next", HOME)))


async def sign_out(_desk: Desk) -> Response:
    """POST /requester/sign-out."""
    return end()


async def account(desk: Desk) -> Response:
    """GET /requester/account: access keys and password."""
    return await _account(desk, {})


async def make_key(desk: Desk) -> Response:
    """POST /requester/keys: a new access key; the page that answers is the only one that shows its secret."""
    database, settings = desk.marketplace.database, desk.marketplace.settings
    key, secret = await tenants.make_key(database, settings, desk.requester, desk.now)
    return await _account(desk, {"made": (key, secret)})


async def revoke_key(desk: Desk) -> Response:
    """POST /requester/keys/revoke: ends a key at once."""
    key = desk.field("key")
    await tenants.revoke(desk.marketplace.database, key, desk.now, desk.requester)
    return desk.back("/account", f"{key} lets nobody in any more.")


async def change_password(desk: Desk) -> Response:
    """POST /requester/password: ends every session but this one."""
    given = dict(desk.fields)
    old, new = given.get("old", ""), given.get("password", "")
    try:
        if new != given.get("again", ""):
            raise FormRefused(400, "The two new passwords differ.", "Type the same one twice.")
        found = await requesters.change_password(
            desk.marketplace.database, desk.requester, old, new, address(desk.request), desk.now
        )
    except WorkerRefused as refused:
        return await _account(desk, {"refused": refused}, status=refused.status)
    return begin(desk.request, found, desk.address("/account", "The password is changed."))


async def _account(desk: Desk, context: dict[str, object], *, status: int = 200) -> Response:
    settings = desk.marketplace.settings
    first = tenants.first_key(settings)
    known: dict[str, object] = {
        "keys": await tenants.keys(desk.marketplace.database, desk.requester),
        "first": first is not None and first[0] == desk.requester,
        "url": settings.public_url,
        "made": None,
        "refused": None,
        "shortest": passwords.SHORTEST,
        "longest": passwords.LONGEST,
    }
    return desk.render("account.html", {**known, **context}, status=status)


ROUTES = [
    Route("/requester/sign-in", door, methods=["GET"]),
    Route("/requester/sign-in", sign_in, methods=["POST"]),
    Route("/requester/sign-out", at_desk(sign_out), methods=["POST"]),
    Route("/requester/account", at_desk(account), methods=["GET"]),
    Route("/requester/keys", at_desk(make_key), methods=["POST"]),
    Route("/requester/keys/revoke", at_desk(revoke_key), methods=["POST"]),
    Route("/requester/password", at_desk(change_password), methods=["POST"]),
]
