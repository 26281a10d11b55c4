"""What routers ask for: the open connections, the albums of pictures, the bearer token."""

from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Header, Request

from active_learning.domain.errors import Forbidden
from api.operations.context import Winnow
from api.operations.picturing import Albums


def winnow(request: Request) -> Winnow:
    """The connections that the application opened at its start."""
    return cast(Winnow, request.app.state.winnow)


def albums(request: Request) -> Albums:
    """What this process remembers of the assignments that it shows."""
    return cast(Albums, request.app.state.albums)


def bearer(authorization: Annotated[str, Header()] = "") -> str:
    """The token of an ``Authorization: Bearer`` header, or :class:`Forbidden`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Forbidden("The request carries no token.", "Open the task from the marketplace.")
    return token


def own_page(request: Request) -> None:
    """Let in only what a page of this origin, or no page at all, has posted; raises :class:`Forbidden`.

    Browsers say where a form came from: ``Sec-Fetch-Site`` where the connection is one that they trust, ``Origin``
    everywhere. A program that is no browser says neither.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site in {"same-origin", "none"}
    else:
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not own:
        raise Forbidden("This was posted by a page of somebody else.", "Open the page of Winnow and do it there.")


OwnPage = Depends(own_page)
Opened = Annotated[Winnow, Depends(winnow)]
Pictures = Annotated[Albums, Depends(albums)]
Token = Annotated[str, Depends(bearer)]
