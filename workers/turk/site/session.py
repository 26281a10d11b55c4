"""Who is signed in: a signed cookie with the WorkerId, a form token, and the generation of the worker's sessions.

A new password begins a new generation, so every older cookie is worth nothing. Where ``sign_up`` is ``names``, a name
is no proof of a person: run such a site among people who trust each other.

Forms are safe against other sites in two ways: the cookie is SameSite=Lax, and each form repeats the token that is
inside the signed, script-proof cookie. The second matters on one machine, where all ports are the same site.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.turk.database import Document
from workers.turk.errors import FormRefused, SignInFirst
from workers.turk.marketplace import Marketplace, marketplace_of, read_body
from workers.turk.questions import parse_form

COOKIE = "winnow_turk"
LIFETIME = timedelta(days=30)
MAX_FORM_BYTES = 16 * 1024
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in worker, and the token that this worker's forms carry.

    ``goes_on``: after a HIT is submitted, the next of its group is accepted at once.
    """

    worker_id: str
    name: str
    csrf: str
    has_password: bool = False
    goes_on: bool = False


async def find(request: Request) -> Session | None:
    """The session of this request's cookie; None when absent, forged, older than 30 days or than the password."""
    marketplace = marketplace_of(request)
    try:
        identifier, csrf, generation, issued = _serializer(marketplace).loads(request.cookies.get(COOKIE, ""))
    except (BadSignature, ValueError, TypeError):
        return None
    if marketplace.clock().timestamp() - issued > LIFETIME.total_seconds():
        return None
    worker = await marketplace.database.workers.find_one({"_id": identifier})
    if worker is None or worker.get("generation", 0) != generation:
        return None
    return Session(
        identifier, worker["name"], csrf, has_password="password" in worker, goes_on=worker.get("goes_on", False)
    )


def current(request: Request) -> Session | None:
    """The session as it was found when the request came in (see ``admission``)."""
    found: Session | None = getattr(request.state, "session", None)
    return found


def required(request: Request) -> Session:
    """The session of a page that needs one. Raises SignInFirst."""
    here = current(request)
    if here is None:
        raise SignInFirst("You are not signed in.", "Sign in and try again.")
    return here


def begin(request: Request, worker: Document, to: str = "/") -> Response:
    """Signs the worker in and leads to ``to``, if that is a path of ours, or to the list."""
    marketplace = marketplace_of(request)
    issued = int(marketplace.clock().timestamp())
    payload = [worker["_id"], secrets.token_urlsafe(18), worker.get("generation", 0), issued]
    response = RedirectResponse(own_path(to), status_code=303)
    response.set_cookie(
        COOKIE,
        str(_serializer(marketplace).dumps(payload)),
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=marketplace.settings.public_url.startswith("https:"),
    )
    return response


def own_path(text: str) -> str:
    """The path, if it is one of this site: whoever makes a link must not choose another site."""
    return text if _OWN_PATH.fullmatch(text) else "/"


def end() -> Response:
    """Signs out and leads to the front page."""
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


async def read_form(request: Request) -> dict[str, str]:
    """A small form's fields. Raises FormRefused when it is too large, or sent by another site's page."""
    return dict(await _fields(request, MAX_FORM_BYTES))


async def _fields(request: Request, limit: int) -> list[tuple[str, str]]:
    if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise FormRefused(403, "This form was sent from another site.", "Open the page here and send it again.")
    try:
        return parse_form(await read_body(request, limit))
    except ValueError:
        raise FormRefused(400, "The form has too many fields.") from None


async def require_form(request: Request) -> Session:
    """The session behind a form of ours. Raises FormRefused without one (401) or without its token (403)."""
    here, _ = await require_fields(request)
    return here


async def require_fields(request: Request) -> tuple[Session, dict[str, str]]:
    """Like ``require_form``, with the form's fields."""
    form = await read_form(request)
    return _checked(request, form), form


async def require_long_form(request: Request, limit: int) -> list[tuple[str, str]]:
    """All fields of a form of ours of at most ``limit`` bytes. Raises FormRefused as ``require_form`` does."""
    fields = await _fields(request, limit)
    _checked(request, dict(fields))
    return fields


def _checked(request: Request, form: dict[str, str]) -> Session:
    here = required(request)
    if not hmac.compare_digest(form.get("csrf", "").encode(), here.csrf.encode()):
        raise FormRefused(403, "This form lacks your session's token.", "Open the page again and resend it.")
    return here


def _serializer(marketplace: Marketplace) -> URLSafeSerializer:
    return URLSafeSerializer(marketplace.settings.secret, salt="winnow-turk-session")
