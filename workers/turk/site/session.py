"""Who is signed in: a signed cookie with the WorkerId and a form token.

Signing in needs a name only, so a name is not proof of a person: run the site among people who trust each other.
Forms are safe against other sites in two ways: the cookie is SameSite=Lax, and each form repeats the token that is
inside the signed, script-proof cookie. The second matters on one machine, where all ports are the same site.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.turk.errors import FormRefused
from workers.turk.marketplace import Marketplace, marketplace_of, read_body
from workers.turk.questions import parse_form

COOKIE = "winnow_turk"
LIFETIME = timedelta(days=30)
MAX_FORM_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in worker and the token that this worker's forms carry."""

    worker_id: str
    name: str
    csrf: str


def current(request: Request) -> Session | None:
    """The session of this request's cookie; None when absent, forged or older than 30 days."""
    marketplace = marketplace_of(request)
    try:
        payload = _serializer(marketplace).loads(request.cookies.get(COOKIE, ""))
        worker_id, name, csrf, issued = payload
    except (BadSignature, ValueError, TypeError):
        return None
    if marketplace.clock().timestamp() - issued > LIFETIME.total_seconds():
        return None
    return Session(worker_id, name, csrf)


def begin(request: Request, worker_id: str, name: str) -> Response:
    """Signs the worker in and leads to the list."""
    marketplace = marketplace_of(request)
    payload = [worker_id, name, secrets.token_urlsafe(18), int(marketplace.clock().timestamp())]
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        COOKIE,
        str(_serializer(marketplace).dumps(payload)),
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=marketplace.settings.public_url.startswith("https:"),
    )
    return response


def end() -> Response:
    """Signs out and leads to the front page."""
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


async def read_form(request: Request) -> dict[str, str]:
    """A small form's fields. Raises FormRefused when it is too large, or sent by another site's page."""
    if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise FormRefused(403, "This form was sent from another site.", "Open the page here and send it again.")
    try:
        return dict(parse_form(await read_body(request, MAX_FORM_BYTES)))
    except ValueError:
        raise FormRefused(400, "The form has too many fields.") from None


async def require_form(request: Request) -> Session:
    """The session behind a form of ours. Raises FormRefused without one (401) or without its token (403)."""
    form, session = await read_form(request), current(request)
    if session is None:
        raise FormRefused(401, "You are not signed in.", "Sign in and try again.")
    if not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
        raise FormRefused(403, "This form lacks your session's token.", "Open the page again and resend it.")
    return session


def _serializer(marketplace: Marketplace) -> URLSafeSerializer:
    return URLSafeSerializer(marketplace.settings.secret, salt="winnow-turk-session")
