"""What routers ask for: the open connections, the albums of pictures, the bearer token."""

from typing import Annotated, cast

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


async def typed_in(request: Request) -> dict[str, str]:
    """The texts of a posted form by the names of their fields; files are left out."""
    async with request.form() as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


Opened = Annotated[Winnow, Depends(winnow)]
Pictures = Annotated[Albums, Depends(albums)]
Token = Annotated[str, Depends(bearer)]
