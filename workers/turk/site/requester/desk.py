"""Who sits at a requester's page, and what each page is given.

The cookie is of its own: the same browser may hold a worker's too.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from itsdangerous import BadSignature, Signer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.turk.database import Document
from workers.turk.errors import FormRefused, SignInFirst, TurkError, WorkerRefused
from workers.turk.marketplace import Marketplace, marketplace_of
from workers.turk.model import read_request
from workers.turk.operations.call import Call
from workers.turk.operations.registry import OPERATIONS
from workers.turk.site import pages
from workers.turk.site.cookies import Cookie, check_token, read_fields

HOME = "/requester"
COOKIE = Cookie("winnow_turk_requester", "winnow-turk-requester", timedelta(days=7), HOME)
MAX_FORM_BYTES = 64 * 1024
PAGE = 50


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of a signed-in requester; ``fields`` are its form's, in order, already known to be from our page."""

    request: Request
    marketplace: Marketplace
    requester: str
    csrf: str
    now: datetime
    fields: list[tuple[str, str]]

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Carries out an operation of the API as this requester; what is None is left out. Raises RequestRefused."""
        marketplace = self.marketplace
        given = {name: value for name, value in parameters.items() if value is not None}
        call = Call(
            requester=self.requester,
            request_id=secrets.token_hex(8),
            now=self.now,
            database=marketplace.database,
            settings=marketplace.settings,
        )
        return await OPERATIONS[operation](call, read_request(operation, given))

    def field(self, name: str) -> str:
        """A field of the form without spaces around; empty when absent."""
        return next((value.replace("\r\n", "\n").strip() for key, value in self.fields if key == name), "")

    def number(self, name: str, what: str) -> int:
        """A field that is a whole number. Raises FormRefused."""
        text = self.field(name)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise FormRefused(400, f"{what} is a whole number.", "Go back and type one.")
        return int(text)

    def back(self, path: str, done: str) -> Response:
        """Leads to a page of the site, which says what was done."""
        return RedirectResponse(self.address(path, done), status_code=303)

    def address(self, path: str, done: str) -> str:
        """The address of a page that says this. It is signed: a link from elsewhere cannot put words here."""
        return f"{HOME}{path}?{urlencode({'done': self._notices().sign(done).decode()})}"

    def _notice(self) -> str:
        try:
            return self._notices().unsign(self.request.query_params.get("done", "")).decode()
        except BadSignature:
            return ""

    def _notices(self) -> Signer:
        return Signer(self.marketplace.settings.secret, salt=f"winnow-turk-requester-done-{self.requester}")

    def page(self) -> int:
        """The page that the address asks for, from 1."""
        text = self.request.query_params.get("page", "")
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1

    def render(self, template: str, context: Mapping[str, object], *, status: int = 200) -> Response:
        """A page of the requesters' site."""
        known = {"desk": self, "token": secrets.token_hex(16), "done": self._notice()}
        return pages.render(self.request, f"requester/{template}", {**known, **context}, status=status)


Handler = Callable[[Desk], Awaitable[Response]]


def at_desk(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Makes a page for signed-in requesters only. Every POST must come from a form of ours; refusals become pages."""

    async def answer(request: Request) -> Response:
        marketplace = marketplace_of(request)
        known = await _find(request, marketplace)
        if known is None and request.method == "GET":
            return RedirectResponse(f"{HOME}/sign-in?{urlencode({'next': request.url.path})}", status_code=303)
        if known is None:
            return sign_in_page(request, refused=SignInFirst("You are not signed in.", "Sign in and try again."))
        requester, csrf = known
        desk = Desk(request, marketplace, requester, csrf, marketplace.clock(), [])
        try:
            if request.method == "POST":
                fields = await read_form(request)
                check_token(next((value for name, value in fields if name == "csrf"), ""), csrf)
                desk = Desk(request, marketplace, requester, csrf, marketplace.clock(), fields)
            return await handler(desk)
        except TurkError as refused:
            status = refused.status if isinstance(refused, WorkerRefused) else 400
            hint = refused.hint if isinstance(refused, WorkerRefused) else ""
            return desk.render("refusal.html", {"message": refused.message, "hint": hint}, status=status)

    return answer


def sign_in_page(request: Request, name: str = "", to: str = HOME, refused: WorkerRefused | None = None) -> Response:
    """The entrance of the requesters' site, with what went wrong and the name that was typed."""
    context = {"name": name, "next": to, "refused": refused, "desk": None}
    return pages.render(request, "requester/sign_in.html", context, status=refused.status if refused else 200)


async def read_form(request: Request) -> list[tuple[str, str]]:
    """A form's fields in order. Raises FormRefused when it is too large, or sent by another site's page."""
    return await read_fields(request, MAX_FORM_BYTES)


def begin(request: Request, requester: Document, to: str = HOME) -> Response:
    """Signs a requester in and leads to ``to``."""
    return COOKIE.begin(request, requester["_id"], requester["generation"], to)


def end() -> Response:
    """Signs out."""
    return COOKIE.end(f"{HOME}/sign-in")


async def _find(request: Request, marketplace: Marketplace) -> tuple[str, str] | None:
    ticket = COOKIE.read(request)
    if ticket is None:
        return None
    wanted = {"_id": ticket.identifier, "generation": ticket.generation}
    found = await marketplace.database.requesters.find_one(wanted)
    return (ticket.identifier, ticket.csrf) if found is not None else None
