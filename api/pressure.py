"""What is too much is turned away at once, as plain ASGI: too many requests at a time, a body that is too large."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MB = 1_000_000
BODY = 1 * MB
"""Bytes that anybody may send in one request: what annotators' pages send, and forms, are far below."""
UPLOAD = 512 * MB
"""Bytes that somebody who is signed in may send in one request."""


def _error(message: str, hint: str) -> bytes:
    return json.dumps({"error": {"message": message, "hint": hint}}).encode()


BUSY = _error("Winnow is busy just now.", "Nothing is lost; try again.")


class BackPressure:
    """Turns requests away with 503 and Retry-After while ``most`` others are being answered.

    The page keeps its answers and asks again a moment later, so a crowd that is too large gets slower, not wrong.
    Paths that end in ``unlimited`` are not counted: long-lived streams, and the question whether the process lives.
    """

    def __init__(self, app: ASGIApp, most: int, unlimited: tuple[str, ...] = ("/events", "/health/live")) -> None:
        self.app = app
        self.most = most
        self.unlimited = unlimited
        self.in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or turn away."""
        if scope["type"] != "http" or scope["path"].endswith(self.unlimited):
            await self.app(scope, receive, send)
            return
        if self.in_hand >= self.most:
            await _turn_away(send)
            return
        self.in_hand += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.in_hand -= 1


class BodyLimit:
    """Turns bodies away with 413: those above ``most`` bytes, and above ``anybodys`` from whom ``known`` does not know.

    A body that does not say its size is counted as it comes; nothing of it is kept here.
    """

    def __init__(
        self, app: ASGIApp, known: Callable[[Scope], Awaitable[bool]], anybodys: int = BODY, most: int = UPLOAD
    ) -> None:
        self.app = app
        self.known = known
        self.anybodys = anybodys
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or turn away."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"")
        if said.isdigit() and int(said) > self.anybodys:
            limit = await self.limit(scope)
            if int(said) > limit:
                await refuse(limit, send)
                return
        counted = _Counted(self, scope, receive, send)
        with suppress(_TooLarge):
            await self.app(scope, counted.receive, counted.send)

    async def limit(self, scope: Scope) -> int:
        """Bytes that whoever asks may send."""
        return self.most if await self.known(scope) else self.anybodys


class _TooLarge(Exception):
    """More has come than may."""


class _Counted:
    """One request whose body is counted; whatever the application makes of a body that is too large is 413."""

    def __init__(self, limits: BodyLimit, scope: Scope, receive: Receive, send: Send) -> None:
        self.limits = limits
        self.scope = scope
        self.inner = receive
        self.out = send
        self.came = 0
        self.limit = limits.anybodys
        self.refused = self.started = False

    async def receive(self) -> Message:
        message = await self.inner()
        self.came += len(message.get("body", b""))
        if self.came > self.limit:
            self.limit = await self.limits.limit(self.scope)
        if self.came > self.limit:
            if not self.refused and not self.started:
                self.refused = True
                await refuse(self.limit, self.out)
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        self.started = True
        if not self.refused:
            await self.out(message)


async def refuse(limit: int, send: Send) -> None:
    """Say that a body is too large, and that nothing more of it is wanted."""
    words = _error(f"This is more than {limit // MB} MB.", "Send less at a time, or sign in to send a file.")
    await _say(send, 413, words, (b"connection", b"close"))


async def _turn_away(send: Send) -> None:
    await _say(send, 503, BUSY, (b"retry-after", b"1"))


async def _say(send: Send, status: int, words: bytes, header: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(words)).encode()), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words})
