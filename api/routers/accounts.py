"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from active_learning.domain.errors import Forbidden
from api import replies
from api.access import COOKIE, own_page, who
from api.deps import Opened
from api.operations import accounts, audit_log
from labeling_ui.contexts.accounts import SignInPage

router = APIRouter(include_in_schema=False)


def inside(path: str) -> str:
    """A path of this site: whoever makes a link to the sign-in page must not choose where it leads."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


@router.get("/sign-in")
async def sign_in_page(request: Request, w: Opened, next: str = "/") -> Response:
    """The form; whoever is signed in goes on."""
    if await who(request, w) is not None:
        return RedirectResponse(inside(next), 303)
    return replies.page(SignInPage(after=inside(next)), None)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    w: Opened,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=2_000)] = "",
    after: Annotated[str, Form()] = "/",
) -> Response:
    """Set the cookie, or show the form again with what is wrong."""
    own_page(request)
    address = request.client.host if request.client else ""
    try:
        key = await accounts.sign_in(w, name, password)
    except Forbidden as error:
        await audit_log.record(w, None, "sign_in", {"name": name}, error.message, address)
        return replies.page(SignInPage(after=inside(after), name=name, error=str(error)), None, 403)
    await audit_log.record(w, await accounts.by_cookie(w, key.key), "sign_in", {"name": key.name}, address=address)
    reply = RedirectResponse(inside(after), 303)
    remember(reply, w.settings.public_url, key)
    return reply


def remember(reply: Response, public_url: str, key: accounts.Let) -> None:
    """Give the browser the cookie: not for scripts, not for requests that another site makes."""
    secure = public_url.startswith("https:")
    reply.set_cookie(COOKIE, key.key, expires=key.expires_at, httponly=True, samesite="lax", secure=secure)


@router.post("/sign-out")
async def sign_out(request: Request, w: Opened) -> Response:
    """End this browser's sign-in; harmless when there is none."""
    own_page(request)
    await accounts.sign_out(w, request.cookies.get(COOKIE, ""))
    reply = RedirectResponse("/sign-in", 303)
    reply.delete_cookie(COOKIE)
    return reply
