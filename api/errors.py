"""From exceptions to replies: one table, one shape. Pages get a page, scripts get JSON."""

import logging
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from active_learning.domain import errors
from api.schemas import ErrorBody, ErrorOut
from api.store.connection import UNREACHABLE
from labeling_ui.contexts import ErrorPage
from labeling_ui.render import render

logger = logging.getLogger(__name__)

STATUS: tuple[tuple[type[errors.WinnowError], int], ...] = (
    (errors.NotFound, 404),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.AlreadyClosed, 410),
    (errors.StateError, 409),
    (errors.BudgetExhausted, 402),
    (errors.InputError, 422),
    (errors.Unavailable, 503),
    (errors.WinnowError, 500),
)
"""First match wins, so leaves of the tree stand before their parents."""


def _reply(request: Request, status: int, message: str, hint: str) -> Response:
    headers = {"Retry-After": "2"} if status == 503 else None
    if "text/html" in request.headers.get("accept", ""):
        home = not request.url.path.startswith("/tasks/")
        return HTMLResponse(render(ErrorPage(status=status, message=message, hint=hint, home=home)), status, headers)
    body = ErrorOut(error=ErrorBody(message=message, hint=hint))
    return JSONResponse(body.model_dump(), status, headers)


async def _winnow_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.WinnowError)
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    return _reply(request, status, error.message, error.hint)


async def _unauthenticated(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.Unauthenticated)
    page = "text/html" in request.headers.get("accept", "")
    if page and request.method != "GET":  # what was typed is still in the browser: a redirect would lose it
        hint = "Sign in in another tab, then come back to this one and load it again: what you typed is sent then."
        return _reply(request, 401, "You are not signed in any more.", hint)
    if page:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)
    reply = _reply(request, 401, error.message, error.hint)
    reply.headers["WWW-Authenticate"] = "Bearer"
    return reply


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _reply(request, 422, f"The request is not valid: {where}: {first['msg']}.", "")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _reply(request, error.status_code, str(error.detail), "")


async def _unreachable(request: Request, error: Exception) -> Response:
    logger.warning("MongoDB does not answer: %s", error)
    return _reply(request, 503, "The database does not answer just now.", "Nothing is lost; try again in a moment.")


def install(app: FastAPI) -> None:
    """Register every handler."""
    app.add_exception_handler(errors.WinnowError, _winnow_error)
    app.add_exception_handler(errors.Unauthenticated, _unauthenticated)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in UNREACHABLE:
        app.add_exception_handler(kind, _unreachable)
