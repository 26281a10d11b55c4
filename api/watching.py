"""Every request is counted, timed and, where that is wanted, logged: as plain ASGI, outside of everything else."""

import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import request_id
from api.metrics import Requests

logger = logging.getLogger("winnow.requests")

GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
SLOW_S = 1.0
"""What takes longer is logged as text, too; JSON has every request."""


class Watching:
    """Gives each request an id (that of a proxy's ``X-Request-ID`` where there is one), and says how it went.

    Only the route is told, never the address: addresses hold what nobody else may read.
    """

    def __init__(self, app: ASGIApp, requests: Requests, every: bool) -> None:
        self.app = app
        self.requests = requests
        self.every = every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then count."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = _identifier(scope)
        token = request_id.set(identifier)
        began, status = time.perf_counter(), 500
        self.requests.begin()

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier.encode())]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            self._note(scope, status, time.perf_counter() - began)
            request_id.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        stream = route.endswith("/events")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.requests.end(method, route, status, None if stream else seconds)
        if self.every or status >= 500 or (seconds > SLOW_S and not stream):
            level = logging.ERROR if status >= 500 else logging.INFO
            user = scope.get("state", {}).get("user", "")
            fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1_000, 1), "user": user}
            logger.log(level, "%s %s %d in %.0f ms", method, route, status, seconds * 1_000, extra=fields)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _identifier(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return given if GIVEN.fullmatch(given) else secrets.token_hex(8)


def _route(scope: Scope) -> str:
    """The route's pattern: as many different ones as there are routes, whatever is asked for."""
    route = scope.get("route")
    if route is not None:
        return str(route.path)
    return "/static" if scope["path"].startswith("/static/") else "none"
