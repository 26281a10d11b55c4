"""Headers of every reply, as plain ASGI so that streams pass through untouched: security, and who may ask."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SecurityHeaders:
    """A strict Content-Security-Policy: own scripts and styles only; task pages are framed and submitted by markets.

    Nobody frames the researchers' and admins' pages. ``https`` says that people reach Winnow so, and then only so.
    """

    FRAMED = "/tasks/"

    def __init__(self, app: ASGIApp, market_origins: Sequence[str], https: bool) -> None:
        self.app = app
        markets = " ".join(market_origins)
        own = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' blob: data:",
            "connect-src": "'self'",
            "base-uri": "'none'",
        }
        closed = {**own, "form-action": "'self'", "frame-ancestors": "'none'"}
        framed = {**own, "form-action": f"'self' {markets}", "frame-ancestors": f"'self' {markets}"}
        self.closed, self.framed = (
            "; ".join(f"{name} {value}" for name, value in policy.items()) for policy in (closed, framed)
        )
        self.headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        if https:
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to the start of its reply."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        policy = self.framed if scope["path"].startswith(self.FRAMED) else self.closed

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class Embeddable:
    """Lets the task page work where its frame has no origin of its own (a sandbox without ``allow-same-origin``).

    There even its own server is another origin to it, so the assignment API and the static files answer everybody.
    That gives nothing away: no cookie is involved, and the API wants a token. The researchers' pages stay closed.
    """

    OPEN = ("/assignment", "/static/")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.open = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "PUT", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["retry-after"],
            max_age=86_400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, through CORS where it is for the task page."""
        within = scope["type"] == "http" and scope["path"].startswith(self.OPEN)
        await (self.open if within else self.app)(scope, receive, send)
