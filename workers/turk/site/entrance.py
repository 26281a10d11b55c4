"""Coming in and going out: sign in, sign up, the worker's own account."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from workers.turk import invitations, passwords, registration
from workers.turk.errors import FormRefused, WorkerRefused
from workers.turk.marketplace import marketplace_of
from workers.turk.site import pages, session


def sign_in_page(request: Request, name: str = "", to: str = "/", refused: WorkerRefused | None = None) -> Response:
    """The entrance, with what went wrong and the name that was typed."""
    kind = marketplace_of(request).settings.sign_up
    context = {"kind": kind, "name": name, "next": session.own_path(to), "refused": refused}
    return pages.render(request, "sign_in.html", context, status=refused.status if refused else 200)


async def sign_in(request: Request) -> Response:
    """POST /sign-in: by name and password, or by a name alone where that is enough."""
    form, marketplace = await session.read_form(request), marketplace_of(request)
    name, to, now = form.get("name", ""), form.get("next", "/"), marketplace.clock()
    try:
        if marketplace.settings.sign_up == "names":
            worker = await registration.by_name_alone(marketplace.database, name, now)
        else:
            worker = await registration.sign_in(
                marketplace.database, name, form.get("password", ""), address(request), now
            )
    except WorkerRefused as refused:
        return sign_in_page(request, name, to, refused)
    return session.begin(request, worker, to)


async def sign_out(request: Request) -> Response:
    """POST /sign-out."""
    await session.require_form(request)
    return session.end()


async def join_page(request: Request) -> Response:
    """GET /join and /join/{token}: the form of a new account."""
    marketplace, token = marketplace_of(request), request.path_params.get("token", "")
    if marketplace.settings.sign_up == "names":
        return RedirectResponse("/", status_code=303)
    if token:
        await invitations.find_open(marketplace.database, token, marketplace.clock())
    elif marketplace.settings.sign_up != "open":
        return RedirectResponse("/", status_code=303)
    return _join(request, token)


async def join(request: Request) -> Response:
    """POST /join: makes the account and signs in."""
    form, marketplace = await session.read_form(request), marketplace_of(request)
    name, password, token = form.get("name", ""), form.get("password", ""), form.get("invitation", "")
    try:
        if password != form.get("again", ""):
            raise FormRefused(400, "The two passwords differ.", "Type the same one twice.")
        worker = await registration.sign_up(
            marketplace.database,
            marketplace.settings.sign_up,
            name,
            password,
            address(request),
            marketplace.clock(),
            invitation=token,
        )
    except WorkerRefused as refused:
        return _join(request, token, name, refused)
    return session.begin(request, worker)


def _join(request: Request, token: str, name: str = "", refused: WorkerRefused | None = None) -> Response:
    lengths = {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
    context = {"invitation": token, "name": name, "refused": refused, **lengths}
    return pages.render(request, "join.html", context, status=refused.status if refused else 200)


async def account(request: Request) -> Response:
    """GET /account: who I am here, and my password."""
    session.required(request)
    return _account(request, changed="changed" in request.query_params)


async def change_password(request: Request) -> Response:
    """POST /account/password: ends every session but this one."""
    here, form = await session.require_fields(request)
    marketplace = marketplace_of(request)
    old, new = form.get("old", ""), form.get("password", "")
    try:
        if new != form.get("again", ""):
            raise FormRefused(400, "The two new passwords differ.", "Type the same one twice.")
        worker = await registration.change_password(
            marketplace.database, here.worker_id, old, new, address(request), marketplace.clock()
        )
    except WorkerRefused as refused:
        return _account(request, refused=refused)
    return session.begin(request, worker, "/account?changed")


def _account(request: Request, *, changed: bool = False, refused: WorkerRefused | None = None) -> Response:
    lengths = {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
    context = {"changed": changed, "refused": refused, **lengths}
    return pages.render(request, "account.html", context, status=refused.status if refused else 200)


async def session_json(request: Request) -> Response:
    """GET /session.json: the WorkerId and the form token, for programs that work like a browser."""
    here = session.required(request)
    return JSONResponse({"worker_id": here.worker_id, "csrf": here.csrf}, headers={"Cache-Control": "no-store"})


def address(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client is not None else ""


ROUTES = [
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/join", join_page, methods=["GET"]),
    Route("/join", join, methods=["POST"]),
    Route("/join/{token}", join_page, methods=["GET"]),
    Route("/account", account, methods=["GET"]),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/session.json", session_json, methods=["GET"]),
]
