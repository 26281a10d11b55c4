"""Which worker is signed in, and the forms that workers send. Where ``sign_up`` is ``names``, a name is no proof of a
person: run such a site among people who trust each other.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from workers.turk.database import Document
from workers.turk.errors import SignInFirst
from workers.turk.marketplace import marketplace_of
from workers.turk.site.cookies import Cookie, check_token, read_fields

COOKIE = Cookie("winnow_turk", "winnow-turk-session", timedelta(days=30))
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
    ticket = COOKIE.read(request)
    if ticket is None:
        return None
    worker = await marketplace_of(request).database.workers.find_one({"_id": ticket.identifier})
    if worker is None or worker.get("generation", 0) != ticket.generation:
        return None
    return Session(
        worker["_id"],
        worker["name"],
        ticket.csrf,
        has_password="password" in worker,
        goes_on=worker.get("goes_on", False),
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
    return COOKIE.begin(request, worker["_id"], worker.get("generation", 0), own_path(to))


def own_path(text: str) -> str:
    """The path, if it is one of this site: whoever makes a link must not choose another site."""
    return text if _OWN_PATH.fullmatch(text) else "/"


def end() -> Response:
    """Signs out and leads to the front page."""
    return COOKIE.end("/")


async def read_form(request: Request) -> dict[str, str]:
    """A small form's fields. Raises FormRefused when it is too large, or sent by another site's page."""
    return dict(await read_fields(request, MAX_FORM_BYTES))


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
    fields = await read_fields(request, limit)
    _checked(request, dict(fields))
    return fields


def _checked(request: Request, form: dict[str, str]) -> Session:
    here = required(request)
    check_token(form.get("csrf", ""), here.csrf)
    return here
