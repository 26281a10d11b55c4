"""Finds out once per request who is signed in, so that no page has to think of it."""

from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from workers.turk.site import pages, session

ELSEWHERE = ("/static/", "/mturk/", "/requester", "/frames/")
"""Paths that look at no worker's session."""


class Admission:
    """Middleware: puts the worker's session, or None, into ``request.state.session``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Looks the session up and hands the request on."""
        if scope["type"] == "http":
            request = Request(scope)
            try:
                known = session.COOKIE.name in request.cookies and not scope["path"].startswith(ELSEWHERE)
                request.state.session = await session.find(request) if known else None
            except PyMongoError as error:
                request.state.session = None
                response = await pages.unavailable(request, error)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)
