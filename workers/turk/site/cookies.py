"""Signed cookies and the forms behind them: what signing in means on the workers' site and on the requesters'.

A cookie holds who it is, a form token, and the generation of that person's sessions: a new password begins a new
generation, so every older cookie is worth nothing.

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


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a cookie says. Whether its ``generation`` is the present one, the database knows."""

    identifier: str
    csrf: str
    generation: int


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie of one site. ``salt`` keeps the cookies of different sites apart, ``path`` where it is sent."""

    name: str
    salt: str
    lifetime: timedelta
    path: str = "/"

    def read(self, request: Request) -> Ticket | None:
        """What the request's cookie says; None when it is absent, forged or too old."""
        marketplace = marketplace_of(request)
        try:
            identifier, csrf, generation, issued = self._serializer(marketplace).loads(
                request.cookies.get(self.name, "")
            )
        except (BadSignature, ValueError, TypeError):
            return None
        if marketplace.clock().timestamp() - issued > self.lifetime.total_seconds():
            return None
        return Ticket(identifier, csrf, generation)

    def begin(self, request: Request, identifier: str, generation: int, to: str) -> Response:
        """Signs somebody in and leads to ``to``."""
        marketplace = marketplace_of(request)
        issued = int(marketplace.clock().timestamp())
        response = RedirectResponse(to, status_code=303)
        response.set_cookie(
            self.name,
            str(self._serializer(marketplace).dumps([identifier, secrets.token_urlsafe(18), generation, issued])),
            max_age=int(self.lifetime.total_seconds()),
            path=self.path,
            httponly=True,
            samesite="lax",
            secure=marketplace.settings.public_url.startswith("https:"),
        )
        return response

    def end(self, to: str) -> Response:
        """Signs out and leads to ``to``."""
        response = RedirectResponse(to, status_code=303)
        response.delete_cookie(self.name, path=self.path, httponly=True, samesite="lax")
        return response

    def _serializer(self, marketplace: Marketplace) -> URLSafeSerializer:
        return URLSafeSerializer(marketplace.settings.secret, salt=self.salt)


async def read_fields(request: Request, limit: int) -> list[tuple[str, str]]:
    """A form's fields in order. Raises FormRefused above ``limit`` bytes, or when another site's page sent it."""
    if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise FormRefused(403, "This form was sent from another site.", "Open the page here and send it again.")
    try:
        return parse_form(await read_body(request, limit))
    except ValueError:
        raise FormRefused(400, "The form has too many fields.") from None


def check_token(given: str, csrf: str) -> None:
    """Raises FormRefused for a form without the session's token."""
    if not hmac.compare_digest(given.encode(), csrf.encode()):
        raise FormRefused(403, "This form lacks your session's token.", "Open the page again and resend it.")
