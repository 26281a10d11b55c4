"""What routers ask for: the open connections, the bearer token."""

from typing import Annotated, cast

from fastapi import Depends, Header, Request

from active_learning.domain.errors import Forbidden
from api.operations.context import Winnow


def winnow(request: Request) -> Winnow:
    """The connections that the application opened at its start."""
    return cast(Winnow, request.app.state.winnow)


def bearer(authorization: Annotated[str, Header()] = "") -> str:
    """The token of an ``Authorization: Bearer`` header, or :class:`Forbidden`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Forbidden("The request carries no token.", "Open the task from the marketplace.")
    return token


Opened = Annotated[Winnow, Depends(winnow)]
Token = Annotated[str, Depends(bearer)]
